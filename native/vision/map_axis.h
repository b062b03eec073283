// Where the pixels of a picture lie between the points of a map that a model made of it.
#pragma once

#include <vector>

namespace foveate {

// Pixels begin..end-1 of one axis lie between the map's points `low` and `high`; where these are equal, right on it.
struct MapRun {
  int low;
  int high;
  int begin;
  int end;
};

struct MapAxis {
  std::vector<MapRun> runs;
  std::vector<float> weight;     // of `high`, by pixel
  std::vector<double> position;  // of each pixel's centre in points, up to two beyond those that show the picture
  int first = 0;                 // the points that show the picture
  int last = 0;
};

// One axis: `pixels` of the picture, which lie in the input at pixel * scale + offset; the map's `points` cover the
// whole input. As cv::INTER_LINEAR: half-pixel centres, edges repeated; points in the padding have no say.
MapAxis plan_map_axis(int pixels, double scale, double offset, int input_size, int points);

}  // namespace foveate

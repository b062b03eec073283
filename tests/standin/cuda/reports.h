// The counts of standin_count as a text, for those who cannot call it.
#pragma once

#include <string>

namespace foveate::cuda::standin {

// A line for each: its name, a space, its number.
std::string report_text();

// Gives the text of the moment to each who connects to a Unix socket in that folder, named by the number of this
// process, from a thread that never ends. False where none can be made there.
bool serve_reports(const std::string& folder);

}  // namespace foveate::cuda::standin

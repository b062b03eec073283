// Stands for a release of TensorRT whose interface is not known.
#include <stdint.h>

int32_t getInferLibVersion(void) { return 7234; }

void* createInferRuntime_INTERNAL(void* logger, int32_t version) {
  (void)logger;
  (void)version;
  return 0;
}

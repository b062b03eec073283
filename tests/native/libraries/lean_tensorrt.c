// Stands for the lean runtime of TensorRT 11.4: no builder.
#include <stdint.h>

int32_t getInferLibVersion(void) { return 110400; }

void* createInferRuntime_INTERNAL(void* logger, int32_t version) {
  (void)logger;
  (void)version;
  return 0;
}

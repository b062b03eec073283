// Stands for an ONNX Runtime that is older than any API version a caller may ask for: it exports the one symbol, and has no table.
#include <stddef.h>
#include <stdint.h>

static const void* get_api(uint32_t version) {
  (void)version;
  return NULL;
}

static const char* get_version(void) { return "1.2.3"; }

struct ApiBase {
  const void* (*get_api)(uint32_t version);
  const char* (*get_version)(void);
};

const struct ApiBase* OrtGetApiBase(void) {
  static const struct ApiBase base = {get_api, get_version};
  return &base;
}

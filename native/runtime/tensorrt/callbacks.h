// Interfaces of TensorRT that we implement. The order of virtual functions is the binary interface: see abi.h.
#pragma once

#include <cstdint>

#include "runtime/tensorrt/abi.h"

namespace foveate::tensorrt::abi {

struct InterfaceInfo {
  const char* kind;
  std::int32_t major;
  std::int32_t minor;
};

// From TensorRT 11 and RTX 1.5 on every interface says what it is; IProgressMonitor does so since 10.0.
class VersionedInterface {
 public:
  virtual std::int32_t getAPILanguage() const noexcept { return 0; }  // C++
  virtual InterfaceInfo getInterfaceInfo() const noexcept = 0;
  virtual ~VersionedInterface() = default;
};

// Called on the thread that builds. `stepComplete` returns false to cancel.
class ProgressMonitor : public VersionedInterface {
 public:
  InterfaceInfo getInterfaceInfo() const noexcept final { return {"IProgressMonitor", 1, 0}; }
  virtual void phaseStart(const char* phase, const char* parent, std::int32_t steps) noexcept = 0;
  virtual bool stepComplete(const char* phase, std::int32_t step) noexcept = 0;
  virtual void phaseFinish(const char* phase) noexcept = 0;
};

// Who gives memory for an output whose size only the run tells, and hears its dimensions: `dims` is a reference to
// those of the library's releases. Called on the thread that enqueues.
class OutputListener {
 public:
  virtual void* provide(std::uint64_t bytes) noexcept = 0;
  virtual void told(const void* dims) noexcept = 0;

 protected:
  ~OutputListener() = default;
};

// IOutputAllocator, which has three shapes.
class OutputAllocators {
 public:
  explicit OutputAllocators(OutputListener& listener) : narrow_(listener), plain_(listener), on_stream_(listener) {}
  // The object to hand to a library of these releases.
  void* of(Releases releases) {
    if (releases == Releases::kTrt8) return &narrow_;
    const bool is_rtx = releases == Releases::kRtx10 || releases == Releases::kRtx11;
    return is_rtx ? static_cast<void*>(&on_stream_) : static_cast<void*>(&plain_);
  }

 private:
  class Narrow {  // TensorRT 8
   public:
    explicit Narrow(OutputListener& listener) : listener_(listener) {}
    virtual std::int32_t getInterfaceVersion() const noexcept { return 1; }
    virtual void* reallocateOutput(const char*, void*, std::uint64_t bytes, std::uint64_t) noexcept {
      return listener_.provide(bytes);
    }
    virtual void notifyShape(const char*, const void* dims) noexcept { listener_.told(dims); }
    virtual ~Narrow() = default;

   private:
    OutputListener& listener_;
  };
  class Plain : public VersionedInterface {  // TensorRT 10 and 11
   public:
    explicit Plain(OutputListener& listener) : listener_(listener) {}
    InterfaceInfo getInterfaceInfo() const noexcept final { return {"IOutputAllocator", 1, 0}; }
    virtual void* reallocateOutput(const char*, void*, std::uint64_t bytes, std::uint64_t) noexcept {
      return listener_.provide(bytes);
    }
    virtual void* reallocateOutputAsync(const char*, void*, std::uint64_t bytes, std::uint64_t, void*) noexcept {
      return listener_.provide(bytes);
    }
    virtual void notifyShape(const char*, const void* dims) noexcept { listener_.told(dims); }

   private:
    OutputListener& listener_;
  };
  class OnStream : public VersionedInterface {  // RTX
   public:
    explicit OnStream(OutputListener& listener) : listener_(listener) {}
    InterfaceInfo getInterfaceInfo() const noexcept final { return {"IOutputAllocator", 1, 0}; }
    virtual void* reallocateOutputAsync(const char*, void*, std::uint64_t bytes, std::uint64_t, void*) noexcept {
      return listener_.provide(bytes);
    }
    virtual void notifyShape(const char*, const void* dims) noexcept { listener_.told(dims); }

   private:
    OutputListener& listener_;
  };

  Narrow narrow_;
  Plain plain_;
  OnStream on_stream_;
};

// Hears how long each layer took. Called on the thread that enqueues.
class LayerListener {
 public:
  virtual void took(const char* layer, float milliseconds) noexcept = 0;

 protected:
  ~LayerListener() = default;
};

// IProfiler, which has two shapes.
class Profilers {
 public:
  explicit Profilers(LayerListener& listener) : plain_(listener), versioned_(listener) {}
  void* of(Releases releases) {
    const bool is_versioned = releases == Releases::kTrt11 || releases == Releases::kRtx11;
    return is_versioned ? static_cast<void*>(&versioned_) : static_cast<void*>(&plain_);
  }

 private:
  class Plain {  // TensorRT 8 and 10, RTX 1.3 and 1.4
   public:
    explicit Plain(LayerListener& listener) : listener_(listener) {}
    virtual void reportLayerTime(const char* layer, float milliseconds) noexcept {
      listener_.took(layer, milliseconds);
    }
    virtual ~Plain() = default;

   private:
    LayerListener& listener_;
  };
  class Versioned : public VersionedInterface {
   public:
    explicit Versioned(LayerListener& listener) : listener_(listener) {}
    InterfaceInfo getInterfaceInfo() const noexcept final { return {"IProfiler", 1, 0}; }
    virtual void reportLayerTime(const char* layer, float milliseconds) noexcept {
      listener_.took(layer, milliseconds);
    }

   private:
    LayerListener& listener_;
  };

  Plain plain_;
  Versioned versioned_;
};

}  // namespace foveate::tensorrt::abi

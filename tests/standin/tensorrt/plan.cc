#include "plan.h"

#include <cstring>

namespace foveate::standin {
namespace {

constexpr char kMagic[8] = {'S', 't', 'a', 'n', 'd', 'I', 'n', '1'};

class Writer {
 public:
  void number(std::int64_t value) { raw(&value, sizeof(value)); }
  void raw(const void* data, std::size_t bytes) {
    const auto* const from = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), from, from + bytes);
  }
  void piece(const void* data, std::size_t bytes) {
    number(static_cast<std::int64_t>(bytes));
    raw(data, bytes);
  }
  void dims(const Dims& dims) { piece(dims.data(), dims.size() * sizeof(std::int64_t)); }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool raw(void* to, std::size_t bytes) {
    if (bytes > bytes_.size()) return ok_ = false;
    std::memcpy(to, bytes_.data(), bytes);
    bytes_ = bytes_.subspan(bytes);
    return true;
  }
  std::int64_t number() {
    std::int64_t value = 0;
    raw(&value, sizeof(value));
    return value;
  }
  std::span<const std::byte> piece() {
    const std::int64_t bytes = number();
    if (!ok_ || bytes < 0 || static_cast<std::size_t>(bytes) > bytes_.size()) {
      ok_ = false;
      return {};
    }
    const auto piece = bytes_.first(static_cast<std::size_t>(bytes));
    bytes_ = bytes_.subspan(piece.size());
    return piece;
  }
  std::string text() {
    const auto found = piece();
    return {reinterpret_cast<const char*>(found.data()), found.size()};
  }
  Dims dims() {
    const auto found = piece();
    Dims dims(found.size() / sizeof(std::int64_t));
    if (!dims.empty()) std::memcpy(dims.data(), found.data(), dims.size() * sizeof(std::int64_t));
    return dims;
  }
  bool ok() const { return ok_; }

 private:
  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

}  // namespace

Bytes Plan::write() const {
  Writer writer;
  writer.raw(kMagic, sizeof(kMagic));
  writer.number(version);
  writer.number(capability);
  writer.number(refittable ? 1 : 0);
  writer.piece(path.data(), path.size());
  writer.number(static_cast<std::int64_t>(profiles.size()));
  for (const Profile& profile : profiles) {
    writer.number(static_cast<std::int64_t>(profile.size()));
    for (const auto& [input, range] : profile) {
      writer.piece(input.data(), input.size());
      for (const Dims* dims : {&range.min, &range.opt, &range.max}) writer.dims(*dims);
    }
  }
  writer.piece(model.data(), model.size());
  return writer.take();
}

std::optional<Plan> read_plan(std::span<const std::byte> bytes) {
  Reader reader(bytes);
  char magic[sizeof(kMagic)] = {};
  if (!reader.raw(magic, sizeof(magic)) || std::memcmp(magic, kMagic, sizeof(magic)) != 0) return std::nullopt;
  Plan plan;
  plan.version = static_cast<std::int32_t>(reader.number());
  plan.capability = static_cast<std::int32_t>(reader.number());
  plan.refittable = reader.number() != 0;
  plan.path = reader.text();
  const std::int64_t profiles = reader.number();
  for (std::int64_t i = 0; reader.ok() && i < profiles; ++i) {
    Profile profile;
    const std::int64_t inputs = reader.number();
    for (std::int64_t at = 0; reader.ok() && at < inputs; ++at) {
      const std::string input = reader.text();
      profile[input] = {reader.dims(), reader.dims(), reader.dims()};
    }
    plan.profiles.push_back(std::move(profile));
  }
  const auto model = reader.piece();
  if (!reader.ok()) return std::nullopt;
  plan.model.assign(model.begin(), model.end());
  return plan;
}

}  // namespace foveate::standin

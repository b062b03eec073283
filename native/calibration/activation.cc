#include "calibration/activation.h"

#include <algorithm>
#include <cmath>

namespace foveate {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
// log(1 + exp(x)), which does not overflow
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

// Where x * sigmoid(x), x * Phi(x) and x * tanh(softplus(x)) have their least value.
constexpr double kSiluTurn = -1.278464542761074;
constexpr double kGeluTurn = -0.7517915246935645;
constexpr double kMishTurn = -1.1924312145154952;

}  // namespace

double Activation::operator()(double x) const {
  switch (kind) {
    case ActivationKind::kIdentity:
      return x;
    case ActivationKind::kRelu:
      return std::max(x, 0.0);
    case ActivationKind::kClip:
      return std::min(std::max(x, min), max);
    case ActivationKind::kLeakyRelu:
      return x < 0 ? alpha * x : x;
    case ActivationKind::kElu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case ActivationKind::kSigmoid:
      return sigmoid(x);
    case ActivationKind::kHardSigmoid:
      return std::clamp(alpha * x + beta, 0.0, 1.0);
    case ActivationKind::kSilu:
      return x * sigmoid(x);
    case ActivationKind::kHardSwish:
      return x * std::clamp(x / 6 + 0.5, 0.0, 1.0);
    case ActivationKind::kTanh:
      return std::tanh(x);
    case ActivationKind::kGelu:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case ActivationKind::kMish:
      return x * std::tanh(softplus(x));
  }
  return x;
}

std::vector<double> Activation::corners() const {
  switch (kind) {
    case ActivationKind::kIdentity:
      return {};
    case ActivationKind::kRelu:
    case ActivationKind::kLeakyRelu:
    case ActivationKind::kElu:
    case ActivationKind::kSigmoid:
    case ActivationKind::kTanh:
      return {0};
    case ActivationKind::kClip:
      return {min, max};
    case ActivationKind::kHardSigmoid:
      return alpha == 0 ? std::vector<double>{} : std::vector<double>{-beta / alpha, (1 - beta) / alpha};
    case ActivationKind::kSilu:
      return {kSiluTurn};
    case ActivationKind::kHardSwish:
      return {-3, -1.5, 3};
    case ActivationKind::kGelu:
      return {kGeluTurn};
    case ActivationKind::kMish:
      return {kMishTurn};
  }
  return {};
}

bool Activation::curved() const {
  switch (kind) {
    case ActivationKind::kElu:
    case ActivationKind::kSigmoid:
    case ActivationKind::kSilu:
    case ActivationKind::kHardSwish:
    case ActivationKind::kTanh:
    case ActivationKind::kGelu:
    case ActivationKind::kMish:
      return true;
    default:
      return false;
  }
}

}  // namespace foveate

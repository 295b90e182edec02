#include "vitrail/weights/initialize.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

// FNV-1a: names to stream keys, the same on every machine (std::hash is not).
uint64_t hash_of(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

[[noreturn]] void fail(const Parameter& parameter, const std::string& found, const std::string& allowed) {
  throw Error(ErrorKind::shape,
              {.where = cat("parameter '", parameter.name, "'"), .found = found, .allowed = allowed});
}

// As PyTorch counts them: a weight is [out, in/group, kernel...], and groups do not divide the fan out.
int64_t fan(const Parameter& parameter, bool in) {
  const Shape& shape = parameter.shape;
  if (shape.size() < 2)
    fail(parameter, cat("shape ", to_string(shape)), "its init needs a fan, so at least two dimensions");
  const Shape kernel(shape.begin() + 2, shape.end());
  return checked_mul(shape[in ? 1 : 0], checked_product(kernel, "kernel"), "fan");
}

double standard_deviation(const Parameter& parameter, const init::KaimingNormal& kaiming) {
  const int64_t n = fan(parameter, kaiming.fan == init::KaimingNormal::Fan::in);
  return n > 0 ? std::sqrt(2.0 / static_cast<double>(n)) : 0;
}

double bound(const Parameter& parameter, const init::XavierUniform&) {
  const int64_t n = checked_add(fan(parameter, true), fan(parameter, false), "fans");
  return n > 0 ? std::sqrt(6.0 / static_cast<double>(n)) : 0;
}

// What a bilinear kernel of size k weighs its tap i with (SPEC 2.1).
double bilinear_tap(int64_t i, int64_t k) {
  const auto reach = static_cast<double>((k + 1) / 2);
  const double centre = k % 2 == 1 ? reach - 1 : reach - 0.5;
  return 1 - std::abs(static_cast<double>(i) - centre) / reach;
}

// A ConvTranspose weight is [in, out/group, kh, kw]: input channel i lies on the diagonal of its group where
// the output channel is i modulo the group's width.
void fill_bilinear(const Parameter& parameter, std::span<float> values) {
  const Shape& s = parameter.shape;
  if (s.size() != 4 || s[1] < 1 || s[0] % s[1] != 0)
    fail(parameter, cat("shape ", to_string(s)),
         "a bilinear kernel is channels x channels (or channels x 1, grouped) x height x width");
  std::fill(values.begin(), values.end(), 0.0f);
  for (int64_t channel = 0; channel < s[0]; ++channel) {
    const int64_t plane = (channel * s[1] + channel % s[1]) * s[2] * s[3];
    for (int64_t y = 0; y < s[2]; ++y)
      for (int64_t x = 0; x < s[3]; ++x)
        values[static_cast<size_t>(plane + y * s[3] + x)] =
            static_cast<float>(bilinear_tap(y, s[2]) * bilinear_tap(x, s[3]));
  }
}

void fill_identity(const Parameter& parameter, const init::Identity& identity, std::span<float> values,
                   Random& random) {
  const Shape& s = parameter.shape;
  if (s.size() != 4 || s[2] % 2 == 0 || s[3] % 2 == 0)
    fail(parameter, cat("shape ", to_string(s)), "an identity is outputs x inputs x odd height x odd width");
  const int64_t groups = identity.groups, kernel = s[2] * s[3];
  if (groups < 1 || s[0] % groups != 0 || s[1] % groups != 0)
    fail(parameter, cat("shape ", to_string(s)), cat(groups, " groups must divide its channels"));
  for (float& value : values)
    value = identity.std > 0 ? static_cast<float>(identity.std * random.normal()) : 0.0f;
  for (int64_t out = 0; out < s[0]; ++out)
    for (int64_t in = 0; in < s[1]; ++in)
      if (in * groups / s[1] == out * groups / s[0])
        values[static_cast<size_t>((out * s[1] + in) * kernel + kernel / 2)] =
            static_cast<float>(static_cast<double>(groups) / static_cast<double>(s[0]));
}

double truncated_normal(Random& random) {
  double value = random.normal();
  while (std::abs(value) > 2)
    value = random.normal();
  return value;
}

template <class Draw>
void fill(std::span<float> values, Draw draw) {
  std::generate(values.begin(), values.end(), [&] { return static_cast<float>(draw()); });
}

void initialize(const Parameter& parameter, std::span<float> values, Random random) {
  std::visit(Overload{
                 [&](const init::Zeros&) { fill(values, [] { return 0.0; }); },
                 [&](const init::Constant& c) { fill(values, [&] { return c.value; }); },
                 [&](const init::Normal& n) { fill(values, [&] { return n.std * random.normal(); }); },
                 [&](const init::TruncatedNormal& n) {
                   fill(values, [&] { return n.std * truncated_normal(random); });
                 },
                 [&](const init::Uniform& u) {
                   fill(values, [&] { return random.uniform(u.center - u.bound, u.center + u.bound); });
                 },
                 [&](const init::KaimingNormal& k) {
                   const double std = standard_deviation(parameter, k);
                   fill(values, [&] { return std * random.normal(); });
                 },
                 [&](const init::XavierUniform& x) {
                   const double limit = bound(parameter, x);
                   fill(values, [&] { return random.uniform(-limit, limit); });
                 },
                 [&](const init::Bilinear&) { fill_bilinear(parameter, values); },
                 [&](const init::Identity& i) { fill_identity(parameter, i, values, random); },
             },
             parameter.init);
}

}  // namespace

Weights initial_weights(const Graph& graph, uint64_t seed) {
  const Random root(seed);
  Weights weights;
  for (const Parameter& parameter : graph.parameters()) {
    Tensor tensor = Tensor::zeros(parameter.type, parameter.shape);
    if (parameter.type == DataType::f32)
      initialize(parameter, tensor.data<float>(), root.fork(hash_of(parameter.name)));
    else if (!std::holds_alternative<init::Zeros>(parameter.init))
      throw Error(ErrorKind::unsupported, {.where = cat("parameter '", parameter.name, "'"),
                                           .found = cat("an initial value for ", name_of(parameter.type)),
                                           .allowed = "only f32 parameters start at anything but zero",
                                           .next = "Load its value with the weights"});
    weights.emplace(parameter.name, std::move(tensor));
  }
  return weights;
}

}  // namespace vitrail

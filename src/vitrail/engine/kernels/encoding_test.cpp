#include "vitrail/engine/kernels/encoding.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "vitrail/base/parallel.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"

namespace vitrail::kernels {
namespace {

template <class Real>
struct Inputs {
  std::vector<Real> x, codewords, smoothing;
};

struct Problem {
  EncodingSize size;
  Inputs<float> in;
  std::vector<float> gradient;
  std::string text() const {
    return cat(size.images, " images of ", size.pixels, " pixels, depth ", size.depth, ", ", size.codewords,
               " codewords");
  }
};

std::vector<float> random_floats(Random& random, int64_t count, double low, double high) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values)
    value = static_cast<float>(random.uniform(low, high));
  return values;
}

Problem random_problem(uint64_t seed) {
  Random random(seed);
  Problem p;
  p.size = {random.integer(1, 2), random.integer(1, 300), random.integer(1, 90), random.integer(1, 35)};
  p.in.x = random_floats(random, p.size.images * p.size.pixels * p.size.depth, -1, 1);
  p.in.codewords = random_floats(random, p.size.codewords * p.size.depth, -1, 1);
  p.in.smoothing = random_floats(random, p.size.codewords, -1, 0.3);
  if (random.chance(0.5)) p.in.smoothing[0] = 0;  // "code divides by s"
  p.gradient = random_floats(random, p.size.images * p.size.codewords * p.size.depth, -1, 1);
  return p;
}

template <class Real>
std::vector<double> reference(const EncodingSize& size, const Inputs<Real>& in) {
  const auto real = [](const std::vector<Real>& values, int64_t i) {
    return static_cast<double>(values[static_cast<size_t>(i)]);
  };
  std::vector<double> e(static_cast<size_t>(size.images * size.codewords * size.depth), 0.0);
  for (int64_t i = 0; i < size.images * size.pixels; ++i) {
    std::vector<double> a;
    for (int64_t k = 0; k < size.codewords; ++k) {
      double distance = 0;
      for (int64_t d = 0; d < size.depth; ++d)
        distance += std::pow(real(in.x, i * size.depth + d) - real(in.codewords, k * size.depth + d), 2);
      a.push_back(real(in.smoothing, k) * distance);
    }
    const double most = *std::max_element(a.begin(), a.end());
    double sum = 0;
    for (double& value : a)
      sum += value = std::exp(value - most);
    for (int64_t k = 0; k < size.codewords; ++k)
      for (int64_t d = 0; d < size.depth; ++d)
        e[static_cast<size_t>((i / size.pixels * size.codewords + k) * size.depth + d)] +=
            a[static_cast<size_t>(k)] / sum *
            (real(in.x, i * size.depth + d) - real(in.codewords, k * size.depth + d));
  }
  return e;
}

std::vector<float> forward(const Problem& p) {
  std::vector<float> e(p.gradient.size());
  encoding(p.size, p.in.x.data(), p.in.codewords.data(), p.in.smoothing.data(), e.data());
  return e;
}

Inputs<float> backward(const Problem& p) {
  Inputs<float> d{std::vector<float>(p.in.x.size()), std::vector<float>(p.in.codewords.size()),
                  std::vector<float>(p.in.smoothing.size())};
  encoding_backward(p.size, p.in.x.data(), p.in.codewords.data(), p.in.smoothing.data(), p.gradient.data(),
                    d.x.data(), d.codewords.data(), d.smoothing.data());
  return d;
}

TEST(Encoding, EqualsItsDefinition) {
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    const Problem p = random_problem(seed);
    const std::vector<float> found = forward(p);
    const std::vector<double> expected = reference(p.size, p.in);
    for (size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(found[i], expected[i], 2e-5 * (1 + std::abs(expected[i]))) << p.text() << " at " << i;
  }
}

TEST(Encoding, LargeDistancesDoNotOverflow) {
  Problem p = random_problem(5);
  for (float& value : p.in.x)
    value *= 1000;
  for (const float value : forward(p))
    ASSERT_TRUE(std::isfinite(value)) << p.text();
  const Inputs<float> d = backward(p);
  for (const auto* values : {&d.x, &d.codewords, &d.smoothing})
    for (const float value : *values)
      ASSERT_TRUE(std::isfinite(value)) << p.text();
}

// <gradient, E> along random directions, by differences in double precision.
TEST(Encoding, GradientsAreDifferencesOfTheDefinition) {
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    const Problem p = random_problem(seed);
    const Inputs<float> found = backward(p);
    const Inputs<double> in{{p.in.x.begin(), p.in.x.end()},
                            {p.in.codewords.begin(), p.in.codewords.end()},
                            {p.in.smoothing.begin(), p.in.smoothing.end()}};
    const auto value = [&](const Inputs<double>& at) {
      const std::vector<double> e = reference(p.size, at);
      double sum = 0;
      for (size_t i = 0; i < e.size(); ++i)
        sum += e[i] * static_cast<double>(p.gradient[i]);
      return sum;
    };
    Random random(seed);
    for (const auto& [member, gradient] :
         {std::pair{&Inputs<double>::x, &found.x}, std::pair{&Inputs<double>::codewords, &found.codewords},
          std::pair{&Inputs<double>::smoothing, &found.smoothing}})
      for (int trial = 0; trial < 3; ++trial) {
        constexpr double step = 1e-6;
        Inputs<double> up = in, down = in;
        double slope = 0, size = 0;
        for (size_t i = 0; i < gradient->size(); ++i) {
          const double direction =
              random.chance(4.0 / static_cast<double>(gradient->size())) ? random.uniform(-1, 1) : 0;
          (up.*member)[i] += step * direction;
          (down.*member)[i] -= step * direction;
          slope += direction * static_cast<double>((*gradient)[i]);
          size += std::abs(direction * static_cast<double>((*gradient)[i]));
        }
        // The smoothing's gradient is a small sum of large terms of both signs, g_ik |r_ik|^2.
        const double terms = member == &Inputs<double>::smoothing
                                 ? static_cast<double>(p.size.images * p.size.pixels * p.size.depth)
                                 : 0;
        EXPECT_NEAR(slope, (value(up) - value(down)) / (2 * step), 2e-4 * (0.1 + size) + 4e-8 * terms)
            << p.text();
      }
  }
}

TEST(Encoding, ThreadsDoNotChangeABit) {
  for (uint64_t seed = 30; seed < 36; ++seed) {
    const Problem p = random_problem(seed);
    std::vector<float> e[2];
    Inputs<float> d[2];
    for (const int threads : {1, 3}) {
      const ThreadScope scope(threads);
      e[threads == 3] = forward(p);
      d[threads == 3] = backward(p);
    }
    EXPECT_EQ(e[0], e[1]) << p.text();
    EXPECT_EQ(d[0].x, d[1].x) << p.text();
    EXPECT_EQ(d[0].codewords, d[1].codewords) << p.text();
    EXPECT_EQ(d[0].smoothing, d[1].smoothing) << p.text();
  }
}

TEST(Encoding, UnwantedGradientsAreLeftOut) {
  const Problem p = random_problem(3);
  const Inputs<float> all = backward(p);
  std::vector<float> codewords(p.in.codewords.size());
  encoding_backward(p.size, p.in.x.data(), p.in.codewords.data(), p.in.smoothing.data(), p.gradient.data(),
                    nullptr, codewords.data(), nullptr);
  EXPECT_EQ(codewords, all.codewords);
}

}  // namespace
}  // namespace vitrail::kernels

#include "vitrail/engine/kernels/dynamic_deconvolution.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "vitrail/base/parallel.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"

namespace vitrail::kernels {
namespace {

using Form = op::DynamicDeconvolution::Form;
using Floats = std::vector<float>;
using Doubles = std::vector<double>;

constexpr float canary = 123456.0f;

struct Problem {
  DynamicDeconvolutionSize size;
  Floats m, v, g;  // g: the gradient of D

  int64_t in_area() const { return size.images * size.height * size.width; }
  int64_t out_area() const { return size.images * size.out_height * size.out_width; }
  int64_t index(int64_t n, int64_t c, int64_t y, int64_t x, int64_t channels, bool out) const {
    const int64_t height = out ? size.out_height : size.height, width = out ? size.out_width : size.width;
    return size.layout == ImageLayout::planar ? ((n * channels + c) * height + y) * width + x
                                              : ((n * height + y) * width + x) * channels + c;
  }
  int64_t at_m(int64_t n, int64_t c, int64_t y, int64_t x) const {
    return index(n, c, y, x, size.channels, false);
  }
  int64_t at_v(int64_t n, int64_t t, int64_t y, int64_t x) const { return index(n, t, y, x, 9, false); }
  int64_t at_d(int64_t n, int64_t c, int64_t y, int64_t x) const {
    return index(n, c, y, x, size.channels, true);
  }
  std::string text() const {
    return cat(size.images, "x", size.channels, "x", size.height, "x", size.width, " -> ", size.out_height,
               "x", size.out_width, size.layout == ImageLayout::planar ? " planar" : " channels-last",
               size.op.form == Form::exact ? " exact" : " matrix");
  }
};

Floats random_floats(Random& random, int64_t count) {
  Floats values(static_cast<size_t>(count));
  for (float& value : values)
    value = static_cast<float>(random.uniform(-1, 1));
  return values;
}

Problem random_problem(uint64_t seed, ImageLayout layout, Form form = Form::exact) {
  Random random(seed);
  Problem p;
  DynamicDeconvolutionSize& size = p.size;
  size.layout = layout;
  size.op = {.stride = random.integer(1, 2), .form = form};
  size.images = random.integer(1, 2);
  size.channels = random.chance(0.2) ? 19 : random.integer(1, 36);
  // Planes are done in tiles of 64, 128 or 256 columns; their gradients in blocks of 1024.
  const bool wide = random.chance(0.3);
  size.height = wide ? random.integer(1, 5) : random.integer(1, 27);
  size.width = !wide                ? random.integer(1, 70)
               : random.chance(0.5) ? random.integer(100, 600)
                                    : random.integer(1020, 1060);
  const auto out = [&](int64_t in) {
    return size.op.stride == 1 ? in : 2 * in - (random.chance(0.5) ? 1 : 0);
  };
  size.out_height = out(size.height);
  size.out_width = out(size.width);
  p.m = random_floats(random, p.in_area() * size.channels);
  p.v = random_floats(random, p.in_area() * 9);
  p.g = random_floats(random, p.out_area() * size.channels);
  return p;
}

// body(n, i, j, t, y, x): every vote that lands in D.
template <class Body>
void for_each_vote(const DynamicDeconvolutionSize& size, const Body& body) {
  for (int64_t n = 0; n < size.images; ++n)
    for (int64_t i = 0; i < size.height; ++i)
      for (int64_t j = 0; j < size.width; ++j)
        for (int64_t t = 0; t < 9; ++t) {
          const int64_t y = size.op.stride * i + t / 3 - 1, x = size.op.stride * j + t % 3 - 1;
          if (y >= 0 && y < size.out_height && x >= 0 && x < size.out_width) body(n, i, j, t, y, x);
        }
}

// Scatter in double precision, from the definition of own_ops.h.
template <class Real>
Doubles reference(const Problem& p, const std::vector<Real>& m, const std::vector<Real>& v) {
  Doubles d(p.g.size(), 0.0);
  const int64_t s = p.size.op.stride;
  for_each_vote(p.size, [&](int64_t n, int64_t i, int64_t j, int64_t t, int64_t y, int64_t x) {
    const bool exact = p.size.op.form == Form::exact;
    for (int64_t c = 0; c < p.size.channels; ++c)
      d[p.at_d(n, c, y, x)] +=
          static_cast<double>(m[exact ? p.at_m(n, c, i, j) : p.at_m(n, c, y / s, x / s)]) *
          static_cast<double>(v[p.at_v(n, t, i, j)]);
  });
  return d;
}

void expect_near(const Floats& found, const Doubles& expected, double tolerance, const std::string& what) {
  ASSERT_EQ(found.size(), expected.size() + 1) << what;
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(found[i], expected[i], tolerance) << what << " at " << i;
  EXPECT_EQ(found.back(), canary) << what << ": written beyond the end";
}

Floats forward(const Problem& p) {
  Floats d(p.g.size() + 1, canary);
  dynamic_deconvolution(p.size, p.m.data(), p.v.data(), d.data());
  return d;
}

struct Gradients {
  Floats m, v;
};
Gradients backward(const Problem& p) {
  Gradients result{Floats(p.m.size() + 1, canary), Floats(p.v.size() + 1, canary)};
  dynamic_deconvolution_backward(p.size, p.m.data(), p.v.data(), p.g.data(), result.m.data(),
                                 result.v.data());
  return result;
}

template <class Body>
void for_each_kind(int problems, const Body& body) {
  uint64_t seed = 1;
  for (const ImageLayout layout : {ImageLayout::planar, ImageLayout::channels_last})
    for (const Form form : {Form::exact, Form::matrix})
      for (int i = 0; i < problems; ++i)
        body(random_problem(seed++, layout, form));
}

double dot(const Doubles& a, const Floats& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += a[i] * static_cast<double>(b[i]);
  return sum;
}

TEST(DynamicDeconvolution, EqualsScatteredVotes) {
  for_each_kind(40,
                [](const Problem& p) { expect_near(forward(p), reference(p, p.m, p.v), 1e-5, p.text()); });
}

// Large results are written around the caches.
TEST(DynamicDeconvolution, LargeMaps) {
  for (const int64_t stride : {1, 2}) {
    Random random(3);
    Problem p;
    const int64_t side = stride == 1 ? 480 : 320, out = side * stride;
    p.size = {.channels = 19, .height = side, .width = side, .out_height = out, .out_width = out};
    p.size.op.stride = stride;
    p.m = random_floats(random, p.in_area() * 19);
    p.v = random_floats(random, p.in_area() * 9);
    Floats by_steps(static_cast<size_t>(p.out_area() * 19)), d = by_steps;
    dynamic_deconvolution_by_steps(p.size, p.m.data(), p.v.data(), by_steps.data());
    dynamic_deconvolution(p.size, p.m.data(), p.v.data(), d.data());
    float worst = 0;
    for (size_t i = 0; i < d.size(); ++i)
      worst = std::max(worst, std::abs(d[i] - by_steps[i]));
    EXPECT_LT(worst, 1e-5f) << p.text();
  }
}

TEST(DynamicDeconvolution, StepByStepUpdateIsTheExactForm) {
  for (const ImageLayout layout : {ImageLayout::planar, ImageLayout::channels_last})
    for (uint64_t seed = 1; seed < 10; ++seed) {
      const Problem p = random_problem(seed, layout);
      Floats d(p.g.size() + 1, canary);
      dynamic_deconvolution_by_steps(p.size, p.m.data(), p.v.data(), d.data());
      expect_near(d, reference(p, p.m, p.v), 1e-5, p.text());
    }
}

// D is linear in M and in V, so a difference of any width is the derivative itself.
TEST(DynamicDeconvolution, GradientsAreDifferencesOfTheForwardPass) {
  for_each_kind(30, [](const Problem& p) {
    Random random(7);
    const Gradients gradients = backward(p);
    EXPECT_EQ(gradients.m.back(), canary) << p.text();
    EXPECT_EQ(gradients.v.back(), canary) << p.text();
    for (const bool of_m : {true, false}) {
      const Floats& x = of_m ? p.m : p.v;
      Doubles up(x.begin(), x.end()), down = up, step(x.size());
      for (size_t i = 0; i < x.size(); ++i) {
        // A few elements, not all: their errors cannot hide each other.
        step[i] = random.chance(3.0 / static_cast<double>(x.size())) ? random.uniform(-1, 1) : 0;
        up[i] += step[i];
        down[i] -= step[i];
      }
      const Doubles m(p.m.begin(), p.m.end()), v(p.v.begin(), p.v.end());
      const double above = dot(of_m ? reference(p, up, v) : reference(p, m, up), p.g);
      const double below = dot(of_m ? reference(p, down, v) : reference(p, m, down), p.g);
      EXPECT_NEAR(dot(step, of_m ? gradients.m : gradients.v), (above - below) / 2, 1e-4)
          << p.text() << (of_m ? " dM" : " dV");
    }
  });
}

TEST(DynamicDeconvolution, EveryGradientElement) {
  for_each_kind(25, [](const Problem& p) {
    Doubles dm(p.m.size(), 0.0), dv(p.v.size(), 0.0);
    const int64_t s = p.size.op.stride;
    for_each_vote(p.size, [&](int64_t n, int64_t i, int64_t j, int64_t t, int64_t y, int64_t x) {
      const bool exact = p.size.op.form == Form::exact;
      for (int64_t c = 0; c < p.size.channels; ++c) {
        const int64_t from = exact ? p.at_m(n, c, i, j) : p.at_m(n, c, y / s, x / s);
        const double g = static_cast<double>(p.g[p.at_d(n, c, y, x)]);
        dm[from] += g * static_cast<double>(p.v[p.at_v(n, t, i, j)]);
        dv[p.at_v(n, t, i, j)] += g * static_cast<double>(p.m[from]);
      }
    });
    const Gradients found = backward(p);
    expect_near(found.m, dm, 2e-5, p.text() + " dM");
    expect_near(found.v, dv, 4e-5, p.text() + " dV");
  });
}

TEST(DynamicDeconvolution, UnwantedGradientsAreLeftOut) {
  for_each_kind(6, [](const Problem& p) {
    const Gradients both = backward(p);
    Gradients one{Floats(p.m.size() + 1, canary), Floats(p.v.size() + 1, canary)};
    const float *m = p.m.data(), *v = p.v.data(), *g = p.g.data();
    dynamic_deconvolution_backward(p.size, m, v, g, one.m.data(), nullptr);
    dynamic_deconvolution_backward(p.size, m, v, g, nullptr, one.v.data());
    EXPECT_EQ(one.m, both.m) << p.text();
    EXPECT_EQ(one.v, both.v) << p.text();
  });
}

TEST(DynamicDeconvolution, ThreadsDoNotChangeABit) {
  for_each_kind(12, [](const Problem& p) {
    Floats d[2];
    Gradients gradients[2];
    for (const int threads : {1, 3}) {
      const ThreadScope scope(threads);
      d[threads == 3] = forward(p);
      gradients[threads == 3] = backward(p);
    }
    EXPECT_EQ(d[0], d[1]) << p.text();
    EXPECT_EQ(gradients[0].m, gradients[1].m) << p.text();
    EXPECT_EQ(gradients[0].v, gradients[1].v) << p.text();
  });
}

TEST(DynamicDeconvolution, NanStaysWhereItsVotesReach) {
  for (const ImageLayout layout : {ImageLayout::planar, ImageLayout::channels_last})
    for (uint64_t seed = 100; seed < 130; ++seed) {
      Problem p = random_problem(seed, layout);
      Random random(seed);
      const int64_t n = random.integer(0, p.size.images - 1), c = random.integer(0, p.size.channels - 1),
                    i = random.integer(0, p.size.height - 1), j = random.integer(0, p.size.width - 1);
      p.m[p.at_m(n, c, i, j)] = std::numeric_limits<float>::quiet_NaN();
      const Floats d = forward(p);
      int64_t found = 0, expected = 0;
      for_each_vote(p.size, [&](int64_t vn, int64_t vi, int64_t vj, int64_t, int64_t y, int64_t x) {
        if (vn != n || vi != i || vj != j) return;
        ++expected;
        EXPECT_TRUE(std::isnan(d[p.at_d(n, c, y, x)])) << p.text();
      });
      for (const float value : d)
        found += std::isnan(value) ? 1 : 0;
      EXPECT_EQ(found, expected) << p.text();
    }
}

// The paper's own equations disagree (SPEC 9.2): a single spot of evidence spreads by (9), not by (10).
TEST(DynamicDeconvolution, MatrixFormIsAnotherFunction) {
  DynamicDeconvolutionSize size{.height = 3, .width = 3, .out_height = 3, .out_width = 3};
  const Floats m{0, 0, 0, 0, 1, 0, 0, 0, 0}, v(81, 1.0f);
  Floats d(9);
  dynamic_deconvolution(size, m.data(), v.data(), d.data());
  EXPECT_EQ(d, Floats(9, 1.0f));
  size.op.form = Form::matrix;
  dynamic_deconvolution(size, m.data(), v.data(), d.data());
  EXPECT_EQ(d, (Floats{0, 0, 0, 0, 9, 0, 0, 0, 0}));
}

TEST(DynamicDeconvolution, StrideTwoByHand) {
  DynamicDeconvolutionSize size{
      .height = 1, .width = 2, .out_height = 1, .out_width = 4, .op = {.stride = 2}};
  const Floats m{1, 2}, v(18, 1.0f);
  Floats d(4);
  dynamic_deconvolution(size, m.data(), v.data(), d.data());
  EXPECT_EQ(d, (Floats{1, 3, 2, 2}));
  size.op.form = Form::matrix;
  dynamic_deconvolution(size, m.data(), v.data(), d.data());
  EXPECT_EQ(d, (Floats{1, 2, 2, 2}));
}

}  // namespace
}  // namespace vitrail::kernels

#include "vitrail/data/color_jitter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <type_traits>

#include "vitrail/image/channels.h"

namespace vitrail {
namespace {

using Row = std::array<double, 3>;
using Matrix = std::array<Row, 3>;
constexpr Row luma{0.299, 0.587, 0.114};

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix out{};
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 3; ++j)
      for (size_t k = 0; k < 3; ++k)
        out[i][j] += a[i][k] * b[k][j];
  return out;
}

/// s * v + (1 - s) * luma(v)
Matrix saturation_matrix(double s) {
  Matrix m{};
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 3; ++j)
      m[i][j] = (1 - s) * luma[j] + (i == j ? s : 0);
  return m;
}

/// Turns I and Q of YIQ and keeps Y. The inverse is written out from the forward matrix, so that 0 degrees is
/// the identity to double precision.
Matrix hue_matrix(double degrees) {
  const double c = std::cos(degrees * std::numbers::pi / 180), s = std::sin(degrees * std::numbers::pi / 180);
  const Matrix yiq{luma, Row{0.595716, -0.274453, -0.321263}, Row{0.211456, -0.522591, 0.311135}};
  const auto minor = [&](size_t i, size_t j) {
    const size_t a = (i + 1) % 3, b = (i + 2) % 3, d = (j + 1) % 3, e = (j + 2) % 3;
    return yiq[a][d] * yiq[b][e] - yiq[a][e] * yiq[b][d];
  };
  const double determinant = yiq[0][0] * minor(0, 0) + yiq[0][1] * minor(0, 1) + yiq[0][2] * minor(0, 2);
  Matrix inverse{};
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 3; ++j)
      inverse[j][i] = minor(i, j) / determinant;
  const Matrix turn{Row{1, 0, 0}, Row{0, c, -s}, Row{0, s, c}};
  return product(inverse, product(turn, yiq));
}

/// use(values from one pixel to the next): a constant for plain RGB, which compiles to faster loops.
template <class Use>
auto with_stride(const Image& image, Use use) {
  return image.channels == 3 ? use(std::integral_constant<size_t, 3>())
                             : use(static_cast<size_t>(image.channels));
}

double mean_luma(const Image& image) {
  std::array<int64_t, 3> sums{};
  const size_t pixels = image.pixels.size() / static_cast<size_t>(image.channels);
  with_stride(image, [&](auto stride) {
    for (size_t i = 0; i < pixels; ++i)
      for (size_t c = 0; c < 3; ++c)
        sums[c] += image.pixels[stride * i + c];
  });
  double total = 0;
  for (size_t c = 0; c < 3; ++c)
    total += luma[c] * static_cast<double>(sums[c]);
  return pixels == 0 ? 0 : total / static_cast<double>(pixels);
}

uint8_t to_byte(float v) {
  return static_cast<uint8_t>(std::clamp(v + 0.5f, 0.0f, 255.0f));
}

std::vector<float> gaussian(double sigma) {
  const auto radius = static_cast<int64_t>(std::ceil(3 * sigma));
  std::vector<float> kernel;
  double sum = 0;
  for (int64_t i = -radius; i <= radius; ++i)
    sum += std::exp(-0.5 * static_cast<double>(i * i) / (sigma * sigma));
  for (int64_t i = -radius; i <= radius; ++i)
    kernel.push_back(static_cast<float>(std::exp(-0.5 * static_cast<double>(i * i) / (sigma * sigma)) / sum));
  return kernel;
}

}  // namespace

void change_colors(Image& image, const ColorChange& change) {
  if (change == ColorChange() || image.channels < 3) return;
  const double gain = change.brightness * change.contrast;
  const double offset = (1 - change.contrast) * change.brightness * mean_luma(image);
  Matrix m = product(hue_matrix(change.hue_degrees), saturation_matrix(change.saturation));
  float a[3][3], t[3];
  for (size_t i = 0; i < 3; ++i) {
    t[i] = static_cast<float>(offset * (m[i][0] + m[i][1] + m[i][2]));
    for (size_t j = 0; j < 3; ++j)
      a[i][j] = static_cast<float>(gain * m[i][j]);
  }
  with_stride(image, [&](auto stride) {
    uint8_t* p = image.pixels.data();
    for (const uint8_t* end = p + image.pixels.size(); p < end; p += stride) {
      const float r = p[0], g = p[1], b = p[2];
      for (size_t i = 0; i < 3; ++i)
        p[i] = to_byte(a[i][0] * r + a[i][1] * g + a[i][2] * b + t[i]);
    }
  });
}

namespace {

/// All channels.
void blur_whole(Image& image, double sigma) {
  const std::vector<float> kernel = gaussian(sigma);
  const auto radius = static_cast<int64_t>(kernel.size() / 2);
  const int64_t row_values = image.width * image.channels, margin = radius * image.channels;
  const Image source = image;
  std::vector<float> padded(static_cast<size_t>(row_values + 2 * margin)),
      sum(static_cast<size_t>(row_values));
  for (int64_t y = 0; y < image.height; ++y) {
    float* middle = padded.data() + margin;
    std::fill(middle, middle + row_values, 0.0f);
    for (int64_t k = -radius; k <= radius; ++k) {
      const uint8_t* row = source.at(std::clamp<int64_t>(y + k, 0, image.height - 1), 0);
      const float weight = kernel[static_cast<size_t>(k + radius)];
      for (int64_t i = 0; i < row_values; ++i)
        middle[i] += weight * row[i];
    }
    for (int64_t i = 0; i < margin; ++i) {
      middle[i - margin] = middle[i % image.channels];
      middle[row_values + i] = middle[row_values - image.channels + i % image.channels];
    }
    std::fill(sum.begin(), sum.end(), 0.0f);
    for (size_t k = 0; k < kernel.size(); ++k) {
      const float* shifted = padded.data() + static_cast<int64_t>(k) * image.channels;
      for (size_t i = 0; i < sum.size(); ++i)
        sum[i] += kernel[k] * shifted[i];
    }
    std::transform(sum.begin(), sum.end(), image.at(y, 0), to_byte);
  }
}

/// The first channels of `from` into those of `to`.
void copy_channels(const Image& from, Image& to) {
  const int64_t count = std::min(from.channels, to.channels);
  const uint8_t* read = from.pixels.data();
  for (uint8_t *at = to.pixels.data(), *end = at + to.pixels.size(); at < end;
       at += to.channels, read += from.channels)
    std::copy_n(read, count, at);
}

}  // namespace

void blur(Image& image, double sigma) {
  if (!(sigma > 0) || image.pixels.empty()) return;
  if (image.channels == color_channels(image)) return blur_whole(image, sigma);
  Image colors(image.height, image.width, color_channels(image));
  copy_channels(image, colors);
  blur_whole(colors, sigma);
  copy_channels(colors, image);
}

}  // namespace vitrail

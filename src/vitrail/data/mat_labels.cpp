#include "vitrail/data/mat_labels.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <system_error>

#include <matio.h>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

constexpr std::uintmax_t most_bytes = std::uintmax_t{1} << 28;

struct MatCloser {
  void operator()(mat_t* file) const { Mat_Close(file); }
};
struct VariableCloser {
  void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};
using MatFile = std::unique_ptr<mat_t, MatCloser>;
using Variable = std::unique_ptr<matvar_t, VariableCloser>;

[[noreturn]] void refuse(const std::string& file, const std::string& found, const std::string& allowed) {
  throw Error(ErrorKind::format, {.where = file, .found = found, .allowed = allowed});
}

// libmatio fills what a truncated version 5 file lacks with zeros, so its elements are measured first: after
// a header of 128 bytes each has a type and a length, and together they are the file.
bool is_truncated_version_5(const std::string& bytes) {
  constexpr size_t header = 128, tag = 8;
  if (bytes.size() < header || !bytes.starts_with("MATLAB 5.0")) return false;
  const bool swapped = bytes[126] != 'I';
  size_t at = header;
  while (at + tag <= bytes.size()) {
    uint32_t length = 0;
    std::memcpy(&length, bytes.data() + at + 4, sizeof length);
    at += tag + (swapped ? __builtin_bswap32(length) : length);
  }
  return at != bytes.size();
}

MatFile open_mat(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error) throw Error(ErrorKind::file, {.where = path.string(), .found = error.message()});
  if (bytes > most_bytes)
    throw Error(ErrorKind::limit, {.where = path.string(),
                                   .found = cat(bytes, " bytes"),
                                   .allowed = cat("a label file has at most ", most_bytes)});
  if (is_truncated_version_5(read_file(path)))
    refuse(path.string(), "the file ends too early or too late", "a whole file");
  MatFile file(Mat_Open(path.c_str(), MAT_ACC_RDONLY));
  if (file == nullptr) refuse(path.string(), "not a MATLAB file, or a damaged one", "versions 4 to 7.3");
  return file;
}

double element(const matvar_t& matrix, size_t i) {
  switch (matrix.class_type) {
    case MAT_C_UINT8: return static_cast<const uint8_t*>(matrix.data)[i];
    case MAT_C_INT8: return static_cast<const int8_t*>(matrix.data)[i];
    case MAT_C_UINT16: return static_cast<const uint16_t*>(matrix.data)[i];
    case MAT_C_INT16: return static_cast<const int16_t*>(matrix.data)[i];
    case MAT_C_UINT32: return static_cast<const uint32_t*>(matrix.data)[i];
    case MAT_C_INT32: return static_cast<const int32_t*>(matrix.data)[i];
    case MAT_C_SINGLE: return static_cast<const float*>(matrix.data)[i];
    case MAT_C_DOUBLE: return static_cast<const double*>(matrix.data)[i];
    default: return std::nan("");
  }
}

size_t bytes_per_element(const matvar_t& matrix) {
  switch (matrix.class_type) {
    case MAT_C_UINT8:
    case MAT_C_INT8: return 1;
    case MAT_C_UINT16:
    case MAT_C_INT16: return 2;
    case MAT_C_UINT32:
    case MAT_C_INT32:
    case MAT_C_SINGLE: return 4;
    case MAT_C_DOUBLE: return 8;
    default: return 0;
  }
}

// MATLAB stores columns one after the other.
LabelMap labels_of(const matvar_t& matrix, const std::string& file, const std::string& variable) {
  const size_t width_of_element = bytes_per_element(matrix);
  if (matrix.rank != 2 || matrix.isComplex || width_of_element == 0 || matrix.data == nullptr)
    refuse(file, cat("'", variable, "' is not a matrix of numbers"), "labels are a plain matrix");
  const size_t height = matrix.dims[0], width = matrix.dims[1];
  constexpr auto most = static_cast<size_t>(max_image_pixels);
  if (height == 0 || width == 0 || height > most || width > most / height)
    throw Error(ErrorKind::limit, {.where = file,
                                   .found = cat("'", variable, "' is ", height, "x", width),
                                   .allowed = cat("at least one and at most ", most, " pixels")});
  if (matrix.nbytes < height * width * width_of_element)
    refuse(file, cat("'", variable, "' holds fewer numbers than it says"), "a whole file");
  LabelMap labels(static_cast<int64_t>(height), static_cast<int64_t>(width));
  for (size_t x = 0; x < width; ++x)
    for (size_t y = 0; y < height; ++y) {
      const double value = element(matrix, x * height + y);
      if (!(value >= -1 && value <= 65535) || value != std::floor(value))
        refuse(file, cat("label ", value, " at (", x, ",", y, ")"), "whole numbers -1..65535");
      labels.labels[y * width + x] = value < 0 ? LabelMap::ignore_label : static_cast<uint16_t>(value);
    }
  return labels;
}

}  // namespace

LabelMap read_mat_labels(const std::filesystem::path& path, const std::string& variable) {
  const MatFile file = open_mat(path);
  const size_t dot = variable.find('.');
  const Variable outer(Mat_VarRead(file.get(), variable.substr(0, dot).c_str()));
  const matvar_t* found = outer.get();
  if (found != nullptr && dot != std::string::npos)
    found = found->class_type == MAT_C_STRUCT
                ? Mat_VarGetStructFieldByName(outer.get(), variable.substr(dot + 1).c_str(), 0)
                : nullptr;
  if (found == nullptr)
    refuse(path.string(), cat("no variable '", variable, "'"), "the data set's label files have it");
  return labels_of(*found, path.string(), variable);
}

}  // namespace vitrail

#include "vitrail/capi/vitrail.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include "vitrail/base/checked.h"
#include "vitrail/base/file.h"
#include "vitrail/capi/border.h"
#include "vitrail/capi/model.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"
#include "vitrail/image/palette.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/predict/model_file.h"

namespace {

using namespace vitrail;
using capi::guarded;
using capi::needed;
using capi::refuse;

std::vector<ClassInfo> classes_named(const std::string& names) {
  std::vector<ClassInfo> classes;
  for (size_t begin = 0; begin <= names.size();) {
    const size_t end = std::min(names.find(',', begin), names.size());
    if (end == begin) refuse("options", cat("classes '", names, "'"), "names separated by single commas");
    classes.push_back({names.substr(begin, end - begin), {}});
    begin = end + 1;
  }
  const std::vector<Rgb> colors = distinct_palette(static_cast<int64_t>(classes.size()));
  for (size_t i = 0; i < classes.size(); ++i)
    classes[i].color = colors[i];
  return classes;
}

void complete(ModelInfo& info, const vitrail_options& options) {
  if (options.classes != nullptr) info.classes = classes_named(options.classes);
  if ((options.mean == nullptr) != (options.std == nullptr) ||
      (options.mean == nullptr ? options.channels != 0 : options.channels != 1 && options.channels != 3))
    refuse("options", "mean, std and channels that do not belong together",
           "mean and std with channels 3 or 1, or none of them");
  Preprocessing& p = info.preprocessing;
  if (options.mean != nullptr) {
    p.mean.assign(options.mean, options.mean + options.channels);
    p.std.assign(options.std, options.std + options.channels);
    p.order = options.channels == 1 ? ChannelOrder::grey : ChannelOrder::rgb;
  }
  if (options.bgr != 0) p.order = ChannelOrder::bgr;
}

PredictOptions predict_options(const vitrail_options& options) {
  if (options.threads < 0 || options.memory_bytes < 0)
    refuse("options", cat("threads ", options.threads, ", memory_bytes ", options.memory_bytes), "0 or more");
  PredictOptions result{.engine = {.threads = options.threads},
                        .tile = options.tile,
                        .input_size = {options.input_height, options.input_width}};
  if (options.bf16 != 0) result.engine.precision = Precision::bf16;
  if (options.memory_bytes > 0) result.memory_bytes = options.memory_bytes;
  if (options.overlap != 0) result.overlap = options.overlap;
  return result;
}

InstanceChoice choice_of(const vitrail_options& options) {
  return {
      .least_score = options.least_score, .most = options.most_objects, .masks = options.boxes_alone == 0};
}

vitrail_model* opened(Model model, const vitrail_options* given) {
  const vitrail_options options =
      given == nullptr ? vitrail_options{} : capi::read_struct(given, "vitrail_options");
  complete(model.info, options);
  auto handle = std::make_unique<vitrail_model>();
  if (model.info.task == Task::semantic) {
    if (options.least_score != 0 || options.most_objects != 0 || options.boxes_alone != 0)
      refuse("options", "least_score, most_objects or boxes_alone for a model that labels pixels",
             "0: they choose among the objects of a model that finds them");
    handle->labels.emplace(std::move(model), predict_options(options));
  } else {
    handle->objects.emplace(std::move(model), predict_options(options), choice_of(options));
  }
  return handle.release();
}

void copy_labels(const LabelMap& map, uint8_t* labels, int64_t stride) {
  for (int64_t y = 0; y < map.height; ++y)
    for (int64_t x = 0; x < map.width; ++x)
      labels[y * stride + x] = static_cast<uint8_t>(map.at(y, x));
}

void labels_of_probabilities(const Tensor& planes, uint8_t* labels, int64_t stride) {
  const int64_t classes = planes.size(0), height = planes.size(1), width = planes.size(2);
  const float* values = planes.data<float>().data();
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      const float* pixel = values + y * width + x;
      int64_t best = 0;
      for (int64_t c = 1; c < classes; ++c)
        if (pixel[c * height * width] > pixel[best * height * width]) best = c;
      labels[y * stride + x] = static_cast<uint8_t>(best);
    }
}

void segment(const SemanticPredictor& predictor, const Image& image, uint8_t* labels, int64_t stride,
             float* probabilities) {
  if (probabilities == nullptr) return copy_labels(predictor.predict(image), labels, stride);
  const Tensor planes = predictor.probabilities(image);
  std::copy(planes.data<float>().begin(), planes.data<float>().end(), probabilities);
  labels_of_probabilities(planes, labels, stride);
}

vitrail_input_policy policy_of(const Preprocessing& p) {
  vitrail_input_policy policy = VITRAIL_INPUT_POLICY_INIT;
  policy.height = static_cast<int32_t>(p.height);
  policy.width = static_cast<int32_t>(p.width);
  policy.multiple = static_cast<int32_t>(p.multiple);
  policy.channels = static_cast<int32_t>(p.mean.size());
  policy.order = p.order == ChannelOrder::grey  ? VITRAIL_GREY
                 : p.order == ChannelOrder::bgr ? VITRAIL_BGR
                                                : VITRAIL_RGB;
  std::copy_n(p.mean.begin(), std::min<size_t>(p.mean.size(), 3), policy.mean);
  std::copy_n(p.std.begin(), std::min<size_t>(p.std.size(), 3), policy.std);
  return policy;
}

const ClassInfo* class_at(const vitrail_model* model, int32_t index) {
  if (model == nullptr || index < 0) return nullptr;
  const std::vector<ClassInfo>& classes = model->info().classes;
  return static_cast<size_t>(index) < classes.size() ? &classes[static_cast<size_t>(index)] : nullptr;
}

}  // namespace

int32_t vitrail_api_version(void) {
  return VITRAIL_API_VERSION;
}

const char* vitrail_version_text(void) {
  return VITRAIL_VERSION;
}

const char* vitrail_status_name(vitrail_status status) {
  static constexpr const char* names[] = {"ok",          "usage", "file",    "format", "shape",
                                          "unsupported", "limit", "numeric", "memory", "internal"};
  const auto index = static_cast<size_t>(status);
  return index < std::size(names) ? names[index] : "unknown";
}

vitrail_status vitrail_open_file(const char* path, const vitrail_options* options, vitrail_model** model,
                                 vitrail_error* error) {
  return guarded(error, [&] {
    *needed(model, "vitrail_open_file", "model") = nullptr;
    *model = opened(read_model(needed(path, "vitrail_open_file", "path")), options);
  });
}

vitrail_status vitrail_open_bytes(const void* bytes, size_t size, const vitrail_options* options,
                                  vitrail_model** model, vitrail_error* error) {
  return guarded(error, [&] {
    *needed(model, "vitrail_open_bytes", "model") = nullptr;
    needed(bytes, "vitrail_open_bytes", "bytes");
    *model = opened(onnx_from_bytes({static_cast<const char*>(bytes), size}, "model in memory"), options);
  });
}

void vitrail_close(vitrail_model* model) {
  delete model;
}

vitrail_task vitrail_model_task(const vitrail_model* model) {
  return model != nullptr && model->objects ? VITRAIL_INSTANCE : VITRAIL_SEMANTIC;
}

int32_t vitrail_class_count(const vitrail_model* model) {
  return model == nullptr ? 0 : static_cast<int32_t>(model->info().classes.size());
}

const char* vitrail_class_name(const vitrail_model* model, int32_t index) {
  const ClassInfo* found = class_at(model, index);
  return found == nullptr ? nullptr : found->name.c_str();
}

vitrail_status vitrail_class_color(const vitrail_model* model, int32_t index, uint8_t rgb[3],
                                   vitrail_error* error) {
  return guarded(error, [&] {
    needed(model, "vitrail_class_color", "model");
    needed(rgb, "vitrail_class_color", "rgb");
    const ClassInfo* found = class_at(model, index);
    if (found == nullptr)
      refuse("vitrail_class_color", cat("class ", index), cat("0..", vitrail_class_count(model) - 1));
    std::copy(found->color.begin(), found->color.end(), rgb);
  });
}

vitrail_status vitrail_get_input_policy(const vitrail_model* model, vitrail_input_policy* policy,
                                        vitrail_error* error) {
  return guarded(error, [&] {
    needed(model, "vitrail_get_input_policy", "model");
    capi::write_struct(policy, policy_of(model->info().preprocessing), "vitrail_input_policy");
  });
}

vitrail_status vitrail_segment(const vitrail_model* model, const vitrail_image* image, uint8_t* labels,
                               int64_t label_stride, float* probabilities, vitrail_error* error) {
  return guarded(error, [&] {
    const SemanticPredictor& predictor = capi::label_predictor(model, "vitrail_segment");
    needed(labels, "vitrail_segment", "labels");
    const Image pixels = capi::image_of(capi::read_struct(image, "vitrail_image"));
    segment(predictor, pixels, labels, capi::checked_stride(label_stride, pixels.width, "labels"),
            probabilities);
  });
}

vitrail_status vitrail_picture_size(const char* path, int64_t* height, int64_t* width, vitrail_error* error) {
  return guarded(error, [&] {
    needed(height, "vitrail_picture_size", "height");
    needed(width, "vitrail_picture_size", "width");
    const ImageSize size = image_size(needed(path, "vitrail_picture_size", "path"));
    *height = size.height;
    *width = size.width;
  });
}

vitrail_status vitrail_segment_file(const vitrail_model* model, const char* path, uint8_t* labels,
                                    int64_t height, int64_t width, int64_t label_stride,
                                    vitrail_error* error) {
  return guarded(error, [&] {
    const SemanticPredictor& predictor = capi::label_predictor(model, "vitrail_segment_file");
    needed(labels, "vitrail_segment_file", "labels");
    const std::string bytes = read_file(needed(path, "vitrail_segment_file", "path"));
    const ImageSize size = image_info_from_bytes(bytes, path).size;
    if (size != ImageSize{height, width})
      refuse(path, cat(size.width, "x", size.height, " pixels"), cat("labels are for ", width, "x", height));
    copy_labels(predictor.predict_file(bytes, path), labels,
                capi::checked_stride(label_stride, width, "labels"));
  });
}

vitrail_status vitrail_write_labels(const vitrail_model* model, const char* path, const uint8_t* labels,
                                    int64_t height, int64_t width, int64_t label_stride,
                                    vitrail_error* error) {
  return guarded(error, [&] {
    needed(model, "vitrail_write_labels", "model");
    needed(path, "vitrail_write_labels", "path");
    needed(labels, "vitrail_write_labels", "labels");
    if (height < 1 || width < 1 || checked_mul(height, width, "labels") > max_image_pixels)
      refuse("labels", cat(width, "x", height, " pixels"), "at least 1x1, at most 2^29 pixels");
    const int64_t stride = capi::checked_stride(label_stride, width, "labels");
    LabelMap map(height, width);
    for (int64_t y = 0; y < height; ++y)
      std::copy_n(labels + y * stride, width, &map.at(y, 0));
    std::vector<Rgb> palette;
    for (const ClassInfo& c : model->info().classes)
      palette.push_back(c.color);
    write_label_map(path, map, palette);
  });
}

#include "vitrail/predict/instance.h"

#include <chrono>
#include <optional>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/predict/instance_joins.h"
#include "vitrail/weights/model_info.h"

namespace vitrail {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void refuse(const ErrorParts& parts) {
  throw Error(ErrorKind::usage, parts);
}

void check_info(const ModelInfo& info) {
  if (info.task != Task::instance)
    refuse({.where = "prediction",
            .found = is_described(info) ? "a model for semantic segmentation"
                                        : "a model that does not say what it is for",
            .allowed = "instance segmentation",
            .next = "Such a model comes from training an instance network; `vitrail list nets` names them"});
  if (info.notes.contains("end_to_end"))
    refuse({.where = "prediction",
            .found = "a network exported from end to end, for other runtimes",
            .next = "Use the model that it was exported from"});
  if (std::holds_alternative<std::monostate>(info.instance))
    refuse({.where = "prediction",
            .found = "an instance segmentation model without anchors and box coding",
            .next = "Its metadata was lost: export it again from its checkpoint"});
  if (info.classes.empty())
    refuse({.where = "prediction",
            .found = "the model does not name its classes",
            .next = "Name them: --classes"});
}

void check_options(const PredictOptions& options) {
  if (options.tile != 0)
    refuse({.where = "prediction",
            .found = cat("tile ", options.tile),
            .allowed = "no tiles for an instance segmentation model: an object would be cut",
            .next = "Leave --tile out; --size shows the network a larger picture"});
  const auto [height, width] = options.input_size;
  if (height < 0 || width < 0 || (height > 0) != (width > 0))
    refuse({.where = "prediction",
            .found = cat("input_size ", height, "x", width),
            .allowed = "height and width above 0, or 0x0"});
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

void check_choice(const InstanceChoice& choice, const ModelInfo& info) {
  if (!(choice.least_score >= 0 && choice.least_score <= 1))
    refuse({.where = "prediction", .found = cat("score ", choice.least_score), .allowed = "0 to 1"});
  if (choice.most < 0)
    refuse({.where = "prediction", .found = cat("most ", choice.most), .allowed = "0 or more"});
  for (const int64_t index : choice.classes)
    if (index < 0 || index >= static_cast<int64_t>(info.classes.size()))
      refuse({.where = "prediction",
              .found = cat("class ", index),
              .allowed = cat("0..", info.classes.size() - 1)});
}

std::unique_ptr<InstanceJoins> make_joins(const Model& model, const PredictOptions& options,
                                          const InstanceChoice& choice) {
  if (std::holds_alternative<SsdSystem>(model.info.instance)) return make_ssd_joins(model, options, choice);
  return make_rcnn_joins(model, options, choice);
}

struct InstancePredictor::State {
  State(Model m, const PredictOptions& options, const InstanceChoice& choice) : model(std::move(m)) {
    check_info(model.info);
    check_options(options);
    check_choice(choice, model.info);
    joins = make_joins(model, options, choice);
  }

  Model model;
  std::unique_ptr<InstanceJoins> joins;
};

InstancePredictor::InstancePredictor(Model model, PredictOptions options, InstanceChoice choice)
    : state_(std::make_unique<State>(std::move(model), options, choice)) {}

InstancePredictor::~InstancePredictor() = default;

std::vector<FoundInstance> InstancePredictor::predict(const Image& image, PredictSeconds* seconds) const {
  if (image.height < 1 || image.width < 1)
    throw Error(ErrorKind::shape,
                {.where = "prediction", .found = cat("an image of ", image.width, "x", image.height)});
  PredictSeconds spent;
  std::vector<FoundInstance> found = state_->joins->find(image, spent);
  if (seconds != nullptr) *seconds = spent;
  return found;
}

std::vector<FoundInstance> InstancePredictor::predict_file(std::string_view bytes, const std::string& name,
                                                           PredictSeconds* seconds, ImageSize* size) const {
  const Clock::time_point start = Clock::now();
  const ReducedImage picture = reduced_image_from_bytes(bytes, name, state_->joins->input_size());
  PredictSeconds spent;
  spent.decode = seconds_since(start);
  std::vector<FoundInstance> found = state_->joins->find(picture, spent);
  if (seconds != nullptr) *seconds = spent;
  if (size != nullptr) *size = picture.size;
  return found;
}

const ModelInfo& InstancePredictor::info() const {
  return state_->model.info;
}

bool InstancePredictor::has_masks() const {
  return state_->joins->has_masks();
}

}  // namespace vitrail

#include <algorithm>
#include <optional>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/class_weights.h"
#include "vitrail/data/dataset.h"
#include "vitrail/data/loader.h"
#include "vitrail/image/input_route.h"
#include "vitrail/metrics/report.h"
#include "vitrail/train/comparison.h"
#include "vitrail/train/evaluation.h"
#include "vitrail/train/label_tasks.h"
#include "vitrail/train/setup.h"
#include "vitrail/train/task.h"

namespace vitrail::train {
namespace {

/// Images whose score is lowest, worst first; those without a labelled pixel are left out.
std::vector<ImageScore> worst_images(std::vector<ImageScore> images, size_t count) {
  std::erase_if(images, [](const ImageScore& image) { return !image.mean_iou; });
  std::stable_sort(images.begin(), images.end(),
                   [](const ImageScore& a, const ImageScore& b) { return *a.mean_iou < *b.mean_iou; });
  images.resize(std::min(images.size(), count));
  return images;
}
std::vector<ImageScore> best_images(std::vector<ImageScore> images, size_t count) {
  images = worst_images(std::move(images), images.size());
  std::reverse(images.begin(), images.end());
  images.resize(std::min(images.size(), count));
  return images;
}

/// Whether labels can be reduced to the first output's maps: it is those maps, resized to the image.
void check_reduced_labels(const Graph& graph) {
  const Node* last = graph.producer_of(graph.outputs().at(0).value);
  const auto* resize = last == nullptr ? nullptr : std::get_if<op::Resize>(&last->op);
  if (resize != nullptr && resize->mode == op::ResizeMode::linear &&
      resize->coordinates == op::CoordinateMode::half_pixel && last->inputs.size() == 2)
    return;
  throw Error(
      ErrorKind::usage,
      {.where = "loss.reduce_labels",
       .found = "a network whose scores are not resized to the image (half-pixel, bilinear) at the end",
       .allowed = "DeepLab v1 and v2, the bilinear and dilated networks on MobileNet and SqueezeNet"});
}

/// A label per pixel.
class SemanticTask : public Task {
 public:
  explicit SemanticTask(const Recipe& recipe)
      : recipe_(recipe),
        train_(open_split(recipe, recipe.data.train_split)),
        val_(open_split(recipe, recipe.data.val_split)) {}

  const std::vector<ClassInfo>& classes() const override { return train_.data->classes(); }
  void describe(ModelInfo& info) const override {
    info.label_map = train_.data->label_map();
    for (const LabelTask& task : train_.tasks)
      info.notes["output_" + task.output] = join(names_of(task));
  }
  bool evaluates() const override { return val_.data != nullptr; }
  std::string validation_split() const override {
    return cat(recipe_.data.val_split, ", ", val_.data->size(), " images");
  }

  void prepare(const Model& model, Module& module, const GoOn& go_on) override {
    model_ = &model;
    module_ = &module;
    if (train_.data->size() > 0)
      check_channels(train_.data->load(0).image.channels, model.info.preprocessing,
                     train_.data->image_path(0).string());
    evaluated_.emplace(model.graph, module.weights());
    loss_.emplace(loss_options(recipe_, class_weights(go_on)), static_cast<int64_t>(classes().size()));
    if (recipe_.loss.reduce_labels) check_reduced_labels(model.graph);
    check_tasks(model.graph, train_.tasks);
    task_losses_.clear();
    for (const LabelTask& task : train_.tasks)
      task_losses_.emplace_back(loss_options(recipe_, {}), static_cast<int64_t>(task.classes.size()));
  }

  std::vector<std::string> notes() const override { return notes_; }

  void start(int64_t first) override {
    loader_.emplace(*train_.data, recipe_.augment, model_->info.preprocessing, loader_options(recipe_),
                    first);
  }

  PassLoss pass(uint64_t dropout_seed) override {
    Batch batch = loader_->next();
    module_->train(true);
    module_->set_dropout_seed(dropout_seed);
    NamedTensors outputs = module_->forward({to_torch(batch.images)});
    const NamedTensors further = take_tasks(train_.tasks, outputs);
    LossValue value = (*loss_)(outputs, to_torch(batch.labels));
    for (size_t t = 0; t < further.size(); ++t) {
      const LossValue other = task_losses_[t]({further[t]}, to_torch(batch.further.at(t)));
      value.total = value.total + other.total;
      for (const auto& [name, part] : other.parts)
        value.parts.emplace_back(cat(further[t].first, ".", name), part);
    }
    return {std::move(value), std::move(batch.names)};
  }

  EvaluationPoint evaluate(const Weights& weights, int64_t images, const GoOn& go_on) override {
    evaluated_->load(weights);
    evaluation_ = train::evaluate(*evaluated_, model_->info.preprocessing, *val_.data,
                                  {.classes = static_cast<int64_t>(classes().size()),
                                   .further = further_outputs(train_.tasks),
                                   .images = images,
                                   .go_on = go_on});
    EvaluationPoint point = evaluation_point(0, figures());
    for (size_t t = 0; t < train_.tasks.size(); ++t)
      add_figures(point, train_.tasks[t].output, figures(t));
    return point;
  }

  std::vector<ReportPicture> pictures(int64_t count) override {
    const int64_t size = val_.data->size();
    std::vector<ReportPicture> result;
    for (int64_t i = 0; i < std::min(count, size); ++i)
      result.push_back(picture({i * size / std::min(count, size), std::nullopt}));
    return result;
  }

  std::string note() const override {
    const SegmentationScores scores = figures();
    std::string text =
        cat("mean IoU ", percent(scores.mean_iou), " (absent classes: ", name_of(scores.convention),
            "), pixel accuracy ", percent(scores.pixel_accuracy));
    for (size_t t = 0; t < train_.tasks.size(); ++t)
      text += cat("; ", train_.tasks[t].output, ": mean IoU ", percent(figures(t).mean_iou),
                  ", pixel accuracy ", percent(figures(t).pixel_accuracy));
    return text;
  }

  void fill(ReportData& report, int64_t pictures) override {
    report.scores = figures();
    report.matrix = evaluation_->matrix;
    const auto count = static_cast<size_t>(pictures);
    for (const ImageScore& image : worst_images(evaluation_->images, count))
      report.worst.push_back(picture(image));
    for (const ImageScore& image : best_images(evaluation_->images, count))
      report.best.push_back(picture(image));
  }

  void fill(TrainResult& result) const override {
    if (!evaluation_) return;
    result.scores = figures();
    for (size_t t = 0; t < train_.tasks.size(); ++t)
      result.table +=
          cat(train_.tasks[t].output, "\n", scores_table(figures(t), names_of(train_.tasks[t])), "\n");
  }

 private:
  SegmentationScores figures() const {
    return scores(evaluation_->matrix, absent_classes_from(recipe_.evaluate.convention));
  }

  SegmentationScores figures(size_t task) const {
    return scores(evaluation_->further.at(task), absent_classes_from(recipe_.evaluate.convention));
  }

  ReportPicture picture(const ImageScore& image) {
    const Sample sample = val_.data->load(image.index);
    const LabelMap prediction = predict_labels(*evaluated_, model_->info.preprocessing, sample.image);
    const auto shown = [&](const LabelMap& labels) {
      return overlay(sample.image, labels, colors_of(classes()), {.legend = false});
    };
    return {sample.name, cat("mean IoU ", percent(image.mean_iou, 1)), shown(prediction),
            shown(sample.labels)};
  }

  /// A class that is never seen is never found: most often its label is another one in the files.
  void note_absent(const PixelCounts& counts) {
    for (size_t c = 0; c < counts.pixels.size(); ++c)
      if (counts.pixels[c] == 0)
        notes_.push_back(cat("class ", c, " (", classes()[c].name, ") has no pixel in split ",
                             recipe_.data.train_split, "; `vitrail check-dataset` looks for the reason"));
  }

  /// A glance at a few masks where none are counted: with one class in them there is nothing to learn. Most
  /// often objects are 255, which is the ignore label.
  void note_single_class() {
    constexpr int64_t kGlances = 16;
    const int64_t size = train_.data->size(), looked = std::min(size, kGlances);
    PixelCounts counts(static_cast<int64_t>(classes().size()));
    for (int64_t i = 0; i < looked; ++i)
      counts.add(train_.data->load(i * size / looked).labels);
    const auto is_seen = [](int64_t pixels) { return pixels > 0; };
    if (classes().size() < 2 || std::count_if(counts.pixels.begin(), counts.pixels.end(), is_seen) > 1)
      return;
    const double ignored = static_cast<double>(counts.ignored) /
                           static_cast<double>(std::max<int64_t>(1, counts.ignored + counts.labelled));
    notes_.push_back(cat("the masks of ", looked, " of ", size, " pictures in split ",
                         recipe_.data.train_split, " hold at most one class, and ", percent(ignored),
                         " of their pixels are ignored (255); `vitrail check-dataset` looks for the reason"));
  }

  std::vector<double> class_weights(const GoOn& go_on) {
    const std::string& kind = recipe_.loss.class_weights;
    if (kind == "none" || kind == "given") note_single_class();
    if (kind == "none") return {};
    if (kind == "given") return recipe_.loss.class_weight_values;
    PixelCounts counts(static_cast<int64_t>(classes().size()));
    for (int64_t i = 0; i < train_.data->size(); ++i) {
      if (!go_on(i, train_.data->size()))
        throw Error(ErrorKind::cancelled, {.found = "cancelled while counting the classes' pixels"});
      counts.add(train_.data->load(i).labels);
    }
    note_absent(counts);
    return kind == "median_frequency" ? median_frequency_weights(counts)
                                      : effective_number_weights(counts, recipe_.loss.effective_number_beta);
  }

  const Recipe& recipe_;
  std::vector<std::string> notes_;
  Split train_, val_;
  const Model* model_ = nullptr;
  Module* module_ = nullptr;
  std::optional<Module> evaluated_;  ///< takes the weights that are judged, so that training's stay untouched
  std::optional<Loss> loss_;
  std::vector<Loss> task_losses_;
  std::optional<Loader> loader_;
  std::optional<Evaluation> evaluation_;
};

}  // namespace

std::unique_ptr<Task> make_semantic_task(const Recipe& recipe) {
  return std::make_unique<SemanticTask>(recipe);
}

}  // namespace vitrail::train

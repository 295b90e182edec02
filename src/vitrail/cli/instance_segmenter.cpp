#include <algorithm>
#include <chrono>

#include "vitrail/base/text.h"
#include "vitrail/cli/coco_results.h"
#include "vitrail/cli/picture_segmenter.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"
#include "vitrail/predict/instance_drawing.h"

namespace vitrail::cli {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

class InstanceSegmenter : public PictureSegmenter {
 public:
  InstanceSegmenter(const SegmentOptions& options, Model model)
      : options_(options),
        choice_(instance_choice(options.instances, model.info)),
        predictor_(std::move(model), predict_options(options.run), choice_) {}

  Json segment(const PictureJob& job) override {
    const auto start = Clock::now();
    const Image photo = read_image(job.image);
    const auto loaded = Clock::now();
    const std::vector<FoundInstance> found = predictor_.predict(photo);
    const auto predicted = Clock::now();
    write(job, photo, found);
    const auto written = Clock::now();
    return {{"image", job.image.string()},
            {"labels", predictor_.has_masks() ? Json(job.labels.string()) : Json()},
            {"overlay", options_.overlay ? Json(job.overlay.string()) : Json()},
            {"height", photo.height},
            {"width", photo.width},
            {"instances", entries(job, found)},
            {"seconds",
             {{"read", seconds_between(start, loaded)},
              {"predict", seconds_between(loaded, predicted)},
              {"write", seconds_between(predicted, written)}}}};
  }

  std::string summary_of(const Json& report) const override {
    std::vector<std::pair<std::string, int64_t>> counts;
    for (const Json& entry : report["instances"]) {
      const std::string name = entry["category"];
      const auto same =
          std::find_if(counts.begin(), counts.end(), [&](const auto& c) { return c.first == name; });
      if (same == counts.end())
        counts.emplace_back(name, 1);
      else
        ++same->second;
    }
    std::vector<std::string> texts;
    for (const auto& [name, count] : counts)
      texts.push_back(cat(count, " ", name));
    return texts.empty() ? "nothing found" : join(texts);
  }

  std::string finish() override {
    const std::filesystem::path file = std::filesystem::path(options_.out) / "results.json";
    write_coco_results(file, results_);
    return file.string();
  }

 private:
  void write(const PictureJob& job, const Image& photo, const std::vector<FoundInstance>& found) const {
    std::vector<DrawnInstance> drawn = drawn_instances(found, predictor_.info().classes);
    if (predictor_.has_masks()) {
      std::vector<Rle> masks;
      std::vector<Rgb> palette = {{0, 0, 0}};
      for (const DrawnInstance& instance : drawn) {
        masks.push_back(instance.mask);
        palette.push_back(instance.color);
      }
      palette.resize(std::min<size_t>(palette.size(), 256));
      write_label_map(job.labels, instance_numbers(masks, photo.height, photo.width), palette);
    }
    if (options_.overlay)
      write_jpeg(job.overlay, instance_overlay(photo, drawn, {.opacity = options_.opacity}));
  }

  Json entries(const PictureJob& job, const std::vector<FoundInstance>& found) {
    std::vector<CocoResult> results;
    for (const FoundInstance& instance : found)  // categories are counted from 1, as COCO does
      results.push_back(coco_result(instance, job.number, instance.class_index + 1));
    results_.insert(results_.end(), results.begin(), results.end());
    Json list = Json::parse(coco_results_json(results));
    for (size_t i = 0; i < found.size(); ++i)
      list[i]["category"] = predictor_.info().classes.at(static_cast<size_t>(found[i].class_index)).name;
    return list;
  }

  const SegmentOptions& options_;
  InstanceChoice choice_;
  InstancePredictor predictor_;
  std::vector<CocoResult> results_;
};

}  // namespace

std::unique_ptr<PictureSegmenter> instance_segmenter(const SegmentOptions& options, Model model) {
  return std::make_unique<InstanceSegmenter>(options, std::move(model));
}

}  // namespace vitrail::cli

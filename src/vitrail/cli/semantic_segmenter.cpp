#include <chrono>

#include "vitrail/base/text.h"
#include "vitrail/cli/picture_segmenter.h"
#include "vitrail/image/channels.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"
#include "vitrail/image/overlay.h"

namespace vitrail::cli {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

class SemanticSegmenter : public PictureSegmenter {
 public:
  SemanticSegmenter(const SegmentOptions& options, Model model)
      : options_(options), predictor_(std::move(model), predict_options(options.run)) {
    for (const ClassInfo& c : predictor_.info().classes) {
      classes_.push_back({c.name, c.color});
      palette_.push_back(c.color);
    }
  }

  Json segment(const PictureJob& job) override {
    const auto start = Clock::now();
    const Image photo = read_picture(files_of(job), std::ssize(predictor_.info().preprocessing.mean));
    const auto loaded = Clock::now();
    const LabelMap labels = predictor_.predict(photo);
    const auto predicted = Clock::now();
    write_label_map(job.labels, labels, palette_);
    if (options_.overlay)
      write_jpeg(job.overlay, overlay(photo, labels, classes_, {.opacity = options_.opacity}));
    const auto written = Clock::now();
    return {{"image", job.image.string()},
            {"labels", job.labels.string()},
            {"overlay", options_.overlay ? Json(job.overlay.string()) : Json()},
            {"height", photo.height},
            {"width", photo.width},
            {"tile", predictor_.tile_for(photo.height, photo.width)},
            {"classes", shares(labels)},
            {"seconds",
             {{"read", seconds_between(start, loaded)},
              {"predict", seconds_between(loaded, predicted)},
              {"write", seconds_between(predicted, written)}}}};
  }

  std::string summary_of(const Json& report) const override {
    std::vector<std::string> shares;
    for (const Json& c : report["classes"])
      if (shares.size() < 4)
        shares.push_back(cat(c["name"].get<std::string>(), " ", percent(c["share"].get<double>(), 1, "%")));
    return join(shares);
  }

 private:
  Json shares(const LabelMap& labels) const {
    Json list = Json::array();
    for (const ClassShare& share : class_shares(labels))
      list.push_back({{"label", share.label},
                      {"name", classes_.at(static_cast<size_t>(share.label)).name},
                      {"pixels", share.pixels},
                      {"share", share.share}});
    return list;
  }

  const SegmentOptions& options_;
  SemanticPredictor predictor_;
  std::vector<NamedColor> classes_;
  std::vector<Rgb> palette_;
};

}  // namespace

std::vector<std::filesystem::path> files_of(const PictureJob& job) {
  std::vector<std::filesystem::path> files{job.image};
  files.insert(files.end(), job.further.begin(), job.further.end());
  return files;
}

std::unique_ptr<PictureSegmenter> semantic_segmenter(const SegmentOptions& options, Model model) {
  return std::make_unique<SemanticSegmenter>(options, std::move(model));
}

}  // namespace vitrail::cli

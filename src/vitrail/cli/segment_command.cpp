// vitrail segment: label maps and overlays of images.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/cli/command.h"
#include "vitrail/cli/segment_options.h"
#include "vitrail/cli/terminal.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/image_list.h"
#include "vitrail/image/label_png.h"
#include "vitrail/image/overlay.h"

namespace vitrail::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

struct Job {
  fs::path image, labels, overlay;
};

std::vector<Job> jobs_of(const SegmentOptions& options) {
  std::vector<Job> jobs;
  std::map<std::string, fs::path> taken;
  for (const std::string& argument : options.images)
    for (const fs::path& image : images_in(argument)) {
      const std::string stem = image.stem().string();
      const auto [other, is_new] = taken.emplace(stem, image);
      if (!is_new)
        throw Error(ErrorKind::usage,
                    {.where = image.string(),
                     .found = cat("it would overwrite the results of ", other->second.string()),
                     .next = "Segment them into different folders"});
      jobs.push_back(
          {image, fs::path(options.out) / (stem + ".png"), fs::path(options.out) / (stem + "-overlay.jpg")});
    }
  return jobs;
}

/// Results beside their images must not replace them.
void check_targets(const std::vector<Job>& jobs) {
  std::set<fs::path> images;
  for (const Job& job : jobs)
    images.insert(fs::weakly_canonical(job.image));
  for (const Job& job : jobs)
    for (const fs::path& target : {job.labels, job.overlay})
      if (images.contains(fs::weakly_canonical(target)))
        throw Error(ErrorKind::usage, {.where = target.string(),
                                       .found = "the result would overwrite an image that is to be segmented",
                                       .next = "Choose another folder with --out"});
}

double seconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

class Segmenter {
 public:
  explicit Segmenter(const SegmentOptions& options)
      : options_(options), predictor_(load_model(options.model, options.info), predict_options(options.run)) {
    for (const ClassInfo& c : predictor_.info().classes) {
      classes_.push_back({c.name, c.color});
      palette_.push_back(c.color);
    }
  }

  Json segment(const Job& job) const {
    const auto start = Clock::now();
    const Image photo = read_image(job.image);
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

std::string line_of(const Json& image) {
  std::vector<std::string> shares;
  for (const Json& c : image["classes"])
    if (shares.size() < 4)
      shares.push_back(cat(c["name"].get<std::string>(), " ", fixed(100 * c["share"].get<double>(), 1), "%"));
  return cat(image["image"].get<std::string>(), " (", image["width"], "x", image["height"], ", ",
             fixed(1000 * image["seconds"]["predict"].get<double>(), 1), " ms): ", join(shares), "\n  -> ",
             image["labels"].get<std::string>(),
             image["overlay"].is_null() ? "" : "\n  -> " + image["overlay"].get<std::string>());
}

void declare(CLI::App& app, SegmentOptions& options) {
  app.add_option("MODEL", options.model, "model file: .onnx, or .safetensors from training")->required();
  app.add_option("IMAGE", options.images, "images, or folders of them; or one video")->required();
  app.add_option("-o,--out", options.out,
                 "folder for NAME.png (class indices, with palette) and NAME-overlay.jpg; the video to write")
      ->required();
  app.add_flag("!--no-overlay", options.overlay,
               "write no NAME-overlay.jpg: it takes longer than the labels");
  app.add_option("--opacity", options.opacity, "of the classes' colours in the overlay, 0 to 1")
      ->check(CLI::Range(0.0, 1.0));
  app.add_flag("--json", options.json, "print areas per class and timing as JSON");
  add_run_options(app, options.run);
  add_info_options(app, options.info);
}

}  // namespace

int segment_command(CLI::App& app, const Arguments& arguments) {
  SegmentOptions options;
  declare(app, options);
  parse(app, arguments);

  if (std::any_of(options.images.begin(), options.images.end(),
                  [](const std::string& image) { return has_video_extension(image); })) {
    if (options.images.size() == 1) return segment_video_command(options, arguments);
    throw Error(
        ErrorKind::usage,
        {.where = "segment", .found = "a video among other files", .allowed = "one video at a time, alone"});
  }
  const std::vector<Job> jobs = jobs_of(options);
  check_targets(jobs);
  const Segmenter segmenter(options);
  fs::create_directories(options.out);

  Json images = Json::array();
  int64_t done = 0, failed = 0;
  Progress progress("segment");
  for (const Job& job : jobs) {
    try {
      images.push_back(segmenter.segment(job));
      if (!options.json) std::cout << line_of(images.back()) << std::endl;
    } catch (const Error& error) {  // one bad picture does not stop a folder
      ++failed;
      const std::string text = error.what(), name = job.image.string();
      complain(text.find(name) == std::string::npos ? name + ": " + text : text);
    }
    progress.show(++done, static_cast<int64_t>(jobs.size()));
  }
  if (options.json)
    std::cout << Json{{"model", options.model}, {"images", images}, {"failed", failed}}.dump(2) << std::endl;
  return failed == 0 ? 0 : 1;
}

}  // namespace vitrail::cli

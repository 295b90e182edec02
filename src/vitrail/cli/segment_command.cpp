// vitrail segment: label maps, objects and overlays of images.

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/cli/command.h"
#include "vitrail/cli/output.h"
#include "vitrail/cli/picture_segmenter.h"
#include "vitrail/cli/terminal.h"
#include "vitrail/image/image_list.h"
#include "vitrail/predict/model_file.h"

namespace vitrail::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::optional<int64_t> whole_number(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// COCO's pictures are named by their numbers; others are counted from 1.
void number(std::vector<PictureJob>& jobs) {
  const bool named = std::all_of(jobs.begin(), jobs.end(), [](const PictureJob& job) {
    return whole_number(job.image.stem().string()).has_value();
  });
  for (size_t i = 0; i < jobs.size(); ++i)
    jobs[i].number = named ? *whole_number(jobs[i].image.stem().string()) : static_cast<int64_t>(i + 1);
}

/// Gives every picture the file of its name in `folder`.
void add_from_folder(std::vector<PictureJob>& jobs, const std::string& folder) {
  std::map<std::string, fs::path> file_of;
  for (const fs::path& file : images_in(folder))
    file_of.emplace(file.stem().string(), file);
  for (PictureJob& job : jobs) {
    const auto found = file_of.find(job.image.stem().string());
    if (found == file_of.end())
      throw Error(ErrorKind::file, {.where = folder,
                                    .found = cat("there is no picture named ", job.image.stem().string()),
                                    .allowed = cat("one for each IMAGE, such as ", job.image.string()),
                                    .next = "Add it, or name the file itself: --with-image FILE"});
    job.further.push_back(found->second);
  }
}

void add_further(std::vector<PictureJob>& jobs, const std::vector<std::string>& with_images) {
  for (const std::string& with : with_images) {
    if (fs::is_directory(with)) {
      add_from_folder(jobs, with);
      continue;
    }
    if (jobs.size() != 1)
      throw Error(ErrorKind::usage,
                  {.where = "--with-image",
                   .found = cat("the file ", with, " for ", jobs.size(), " images"),
                   .allowed = "a file for one IMAGE; a folder of files of the same names for several"});
    jobs[0].further.emplace_back(with);
  }
}

std::vector<PictureJob> jobs_of(const SegmentOptions& options) {
  std::vector<PictureJob> jobs;
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
  number(jobs);
  add_further(jobs, options.with_images);
  return jobs;
}

/// Results beside their images must not replace them.
void check_targets(const std::vector<PictureJob>& jobs) {
  std::set<fs::path> images;
  for (const PictureJob& job : jobs)
    for (const fs::path& file : files_of(job))
      images.insert(fs::weakly_canonical(file));
  for (const PictureJob& job : jobs)
    for (const fs::path& target : {job.labels, job.overlay})
      if (images.contains(fs::weakly_canonical(target)))
        throw Error(ErrorKind::usage, {.where = target.string(),
                                       .found = "the result would overwrite an image that is to be segmented",
                                       .next = "Choose another folder with --out"});
}

std::string line_of(const Json& image, const std::string& summary) {
  std::string line = cat(image["image"].get<std::string>(), " (", image["width"], "x", image["height"], ", ",
                         fixed(1000 * image["seconds"]["predict"].get<double>(), 1), " ms): ", summary);
  for (const char* const file : {"labels", "overlay"})
    if (!image[file].is_null()) line += "\n  -> " + image[file].get<std::string>();
  return line;
}

void declare(CLI::App& app, SegmentOptions& options) {
  app.add_option("MODEL", options.model, "model file: .onnx, or .safetensors from training")->required();
  app.add_option("IMAGE", options.images, "images, or folders of them; or one video");
  app.add_option(
         "--with-image", options.with_images,
         "for a network of more channels: another file of the same picture (its depth, its infrared), "
         "or a folder of such files with the images' names; several in the order of training")
      ->allow_extra_args(false);
  app.add_option("-o,--out", options.out,
                 "folder for NAME.png (class indices, or numbers of objects) and NAME-overlay.jpg, and for "
                 "results.json of objects (COCO's form); the video to write");
  app.add_flag("!--no-overlay", options.overlay,
               "write no NAME-overlay.jpg: it takes longer than the labels");
  app.add_option("--opacity", options.opacity, "of the colours in the overlay, 0 to 1")->check(fraction());
  app.add_flag("--json", options.json, "print what was found and timing as JSON");
  app.add_option("--camera", options.camera,
                 "segment what the camera of this number (/dev/videoN) sees; -1 = none")
      ->check(between(-1, 1000));
  app.add_flag("--show", options.show, "show a video or camera in a window while it is segmented; q ends it");
  app.add_flag("--fps", options.speed, "write frames per second into a video; a camera's has them");
  add_instance_options(app, options.instances, 0.5);
  add_run_options(app, options.run);
  add_info_options(app, options.info);
}

bool is_video(const SegmentOptions& options) {
  return options.camera >= 0 || std::any_of(options.images.begin(), options.images.end(),
                                            [](const auto& image) { return has_video_extension(image); });
}

void check(const SegmentOptions& options) {
  const auto refuse = [](const ErrorParts& parts) { throw Error(ErrorKind::usage, parts); };
  const bool video = is_video(options);
  if (options.camera >= 0 && !options.images.empty())
    refuse({.where = "segment", .found = "--camera beside files", .allowed = "a camera, or files"});
  if (options.camera < 0 && options.images.empty())
    refuse({.where = "segment", .found = "no IMAGE", .next = "Name images, folders or a video; or --camera"});
  if (options.camera < 0 && video && options.images.size() > 1)
    refuse(
        {.where = "segment", .found = "a video among other files", .allowed = "one video at a time, alone"});
  if (video && !options.with_images.empty())
    refuse({.where = "--with-image", .found = "given for a video or camera", .allowed = "pictures"});
  if (!video && (options.show || options.speed))
    refuse({.where = options.show ? "--show" : "--fps",
            .found = "given for pictures",
            .allowed = "videos and cameras"});
  if (options.out.empty() && !(video && options.show))
    refuse({.where = "segment",
            .found = "no --out",
            .next = video ? "Name the video to write with --out, or watch it with --show"
                          : "Name the folder for the results with --out"});
}

}  // namespace

Model load_for(const SegmentOptions& options, const CLI::App& app) {
  Model model = read_model(options.model);
  check_task_options(app, model.info.task, {"--with-image"});
  apply_info(options.info, model);
  return model;
}

int segment_command(CLI::App& app, const Arguments& arguments) {
  SegmentOptions options;
  declare(app, options);
  parse(app, arguments);
  check(options);
  if (is_video(options)) return segment_video_command(options, app, arguments);

  const std::vector<PictureJob> jobs = jobs_of(options);
  check_targets(jobs);
  Model model = load_for(options, app);
  const bool objects = model.info.task == Task::instance;
  const std::unique_ptr<PictureSegmenter> segmenter =
      (objects ? instance_segmenter : semantic_segmenter)(options, std::move(model));
  make_folder(options.out);

  Json images = Json::array();
  int64_t done = 0, failed = 0;
  Progress progress("segment");
  for (const PictureJob& job : jobs) {
    try {
      images.push_back(segmenter->segment(job));
      if (!options.json)
        std::cout << line_of(images.back(), segmenter->summary_of(images.back())) << std::endl;
    } catch (const Error& error) {  // one bad picture does not stop a folder
      ++failed;
      const std::string text = error.what(), name = job.image.string();
      complain(text.find(name) == std::string::npos ? name + ": " + text : text);
    }
    progress.show(++done, static_cast<int64_t>(jobs.size()));
  }
  const std::string results = segmenter->finish();
  if (options.json)
    print_json(Json{{"model", options.model}, {"images", images}, {"failed", failed}});
  else if (!results.empty())
    std::cout << "  -> " << results << std::endl;
  return failed == 0 ? 0 : 1;
}

}  // namespace vitrail::cli

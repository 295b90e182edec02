#include "vitrail/data/coco_results.h"

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/data/coco_masks.h"

namespace vitrail {
namespace {

using Json = nlohmann::json;

CocoResult result_from(const JsonFields& fields) {
  CocoResult result;
  result.image_id = fields.integer("image_id", INT64_MIN, INT64_MAX);
  result.category_id = fields.integer("category_id", INT64_MIN, INT64_MAX);
  result.score = fields.number("score", -1e300, 1e300);
  if (fields.has("segmentation")) result.mask = rle_from_json(fields.inner("segmentation"));
  if (fields.has("bbox"))
    result.bbox = fields.box("bbox");
  else if (result.mask)
    result.bbox = bounds(*result.mask);
  else
    fields.refuse("bbox", "the key is missing", "a result has a bbox, a segmentation, or both");
  return result;
}

}  // namespace

Rle rle_from_json(const JsonFields& fields) {
  const std::vector<int64_t> size = fields.integers(fields.at("size"), "size", 1, most_side);
  if (size.size() != 2) fields.refuse("size", cat(size.size(), " numbers"), "2 are due: height, width");
  const Json& counts = fields.at("counts");
  const std::string where = fields.where("counts");
  if (counts.is_string()) return rle_from_text(counts.get_ref<const std::string&>(), size[0], size[1], where);
  return rle_from_counts(fields.integers(counts, "counts", 0, most_side * most_side), size[0], size[1],
                         where);
}

nlohmann::ordered_json json_from_rle(const Rle& rle) {
  return {{"size", {rle.height, rle.width}}, {"counts", rle_to_text(rle)}};
}

std::vector<CocoResult> read_coco_results(const std::filesystem::path& path) {
  std::vector<CocoResult> results;
  const Json rest = read_json_items(path, [&](const std::string& key, int64_t index, const Json& item) {
    if (key.empty()) results.push_back(result_from(JsonFields(item, path.string(), cat("[", index, "]"))));
  });
  if (!rest.is_array() || !rest.empty())
    throw Error(
        ErrorKind::format,
        {.where = path.string(),
         .found = rest.is_array() ? cat("a list with ", shown(rest[0])) : shown(rest),
         .allowed = "results are a list of objects: image_id, category_id, score, bbox, segmentation"});
  return results;
}

std::string coco_results_json(const std::vector<CocoResult>& results) {
  std::string text = "[";
  for (const CocoResult& result : results) {
    nlohmann::ordered_json json = {{"image_id", result.image_id},
                                   {"category_id", result.category_id},
                                   {"bbox", result.bbox},
                                   {"score", result.score}};
    if (result.mask) json["segmentation"] = json_from_rle(*result.mask);
    text += cat(text.size() > 1 ? ",\n" : "\n", json.dump());
  }
  return text + "\n]\n";
}

void write_coco_results(const std::filesystem::path& path, const std::vector<CocoResult>& results) {
  write_file_atomically(path, coco_results_json(results));
}

}  // namespace vitrail

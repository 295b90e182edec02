#include "vitrail/data/further_labels.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

class FurtherLabels : public Dataset {
 public:
  FurtherLabels(std::unique_ptr<Dataset> first, std::vector<std::unique_ptr<Dataset>> others)
      : first_(std::move(first)), others_(std::move(others)) {
    for (const auto& other : others_)
      check_same_pictures(*first_, *other);
  }

  int64_t size() const override { return first_->size(); }
  std::string name(int64_t index) const override { return first_->name(index); }
  std::filesystem::path image_path(int64_t index) const override { return first_->image_path(index); }
  std::filesystem::path label_path(int64_t index) const override { return first_->label_path(index); }
  const std::vector<ClassInfo>& classes() const override { return first_->classes(); }
  const std::map<int64_t, int64_t>& label_map() const override { return first_->label_map(); }

  Sample load(int64_t index) const override {
    Sample sample = first_->load(index);
    for (const auto& other : others_) {
      // Decodes the picture again; loaders keep samples.
      LabelMap labels = other->load(index).labels;
      if (labels.height != sample.image.height || labels.width != sample.image.width)
        throw Error(ErrorKind::shape,
                    {.where = other->label_path(index).string(),
                     .found = cat("labels of ", labels.width, "x", labels.height, " for an image of ",
                                  sample.image.width, "x", sample.image.height),
                     .allowed = "they must have the same size"});
      sample.further.push_back(std::move(labels));
    }
    return sample;
  }

 private:
  std::unique_ptr<Dataset> first_;
  std::vector<std::unique_ptr<Dataset>> others_;
};

}  // namespace

void check_same_pictures(const Dataset& first, const Dataset& other) {
  const auto refuse = [&](const std::string& found) {
    throw Error(ErrorKind::usage, {.where = "two kinds of the same pictures",
                                   .found = found,
                                   .allowed = "data sets of the same pictures in the same order"});
  };
  for (int64_t i = 0; i < std::min(first.size(), other.size()); ++i)
    if (first.name(i) != other.name(i))
      refuse(cat("picture ", i, " is ", first.image_path(i).string(), " in one data set and ",
                 other.image_path(i).string(), " in the other"));
  if (first.size() != other.size())
    refuse(cat("one data set has ", first.size(), " pictures, the other ", other.size()));
}

std::unique_ptr<Dataset> with_further_labels(std::unique_ptr<Dataset> first,
                                             std::vector<std::unique_ptr<Dataset>> others) {
  return std::make_unique<FurtherLabels>(std::move(first), std::move(others));
}

}  // namespace vitrail

#include "vitrail/data/held_out.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

/// Some pictures of another data set.
class SomeInstances : public InstanceDataset {
 public:
  SomeInstances(std::shared_ptr<const InstanceDataset> whole, std::vector<int64_t> indices)
      : whole_(std::move(whole)), indices_(std::move(indices)) {}

  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  InstanceSample load(int64_t index) const override { return whole_->load(at(index)); }
  InstanceSample annotations(int64_t index) const override { return whole_->annotations(at(index)); }
  std::string name(int64_t index) const override { return whole_->name(at(index)); }
  std::filesystem::path image_path(int64_t index) const override { return whole_->image_path(at(index)); }
  const std::vector<ClassInfo>& classes() const override { return whole_->classes(); }
  int64_t category_of(int64_t class_index) const override { return whole_->category_of(class_index); }

 private:
  int64_t at(int64_t index) const { return indices_.at(static_cast<size_t>(index)); }

  std::shared_ptr<const InstanceDataset> whole_;
  std::vector<int64_t> indices_;
};

}  // namespace

HeldOut hold_out(std::unique_ptr<InstanceDataset> whole, int64_t one_in) {
  std::vector<int64_t> rest, held_out;
  for (int64_t i = 0; i < whole->size(); ++i)
    (whole->annotations(i).id % one_in == 0 ? held_out : rest).push_back(i);
  if (rest.empty() || held_out.empty())
    throw Error(ErrorKind::usage, {.where = "held-out pictures",
                                   .found = cat(held_out.size(), " of ", whole->size(),
                                                " pictures have an id that divides by ", one_in),
                                   .next = "Choose another number for data.hold_out, or 0 for none"});
  const std::shared_ptr<const InstanceDataset> shared = std::move(whole);
  return {std::make_shared<SomeInstances>(shared, std::move(rest)),
          std::make_shared<SomeInstances>(shared, std::move(held_out))};
}

}  // namespace vitrail

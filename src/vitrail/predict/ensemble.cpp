#include "vitrail/predict/ensemble.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/predict/dense_crf.h"
#include "vitrail/predict/evaluate.h"

namespace vitrail {

TestProtocol Ensemble::mean_of_scores() {
  TestProtocol protocol = test_protocol("whole");
  protocol.votes = TestProtocol::Votes::raw;
  return protocol;
}

Ensemble::Ensemble(std::vector<Model> models, const TestProtocol& protocol, const EngineOptions& options) {
  if (models.empty())
    throw Error(ErrorKind::usage, {.where = "ensemble", .found = "no model", .allowed = "one or more"});
  for (Model& model : models) {
    if (!members_.empty()) check_same_classes(model.info.classes, info().classes);
    members_.emplace_back(std::move(model), protocol, options);
  }
}

LabelMap Ensemble::predict(const std::vector<const Image*>& images) const {
  if (images.size() != members_.size())
    throw Error(ErrorKind::usage, {.where = "ensemble",
                                   .found = cat(images.size(), " pictures"),
                                   .allowed = cat("one for each of the ", members_.size(), " models")});
  Tensor sum;
  for (size_t i = 0; i < members_.size(); ++i) {
    if (images[i]->height != images[0]->height || images[i]->width != images[0]->width)
      throw Error(ErrorKind::shape, {.where = "ensemble",
                                     .found = cat("pictures of ", images[0]->width, "x", images[0]->height,
                                                  " and ", images[i]->width, "x", images[i]->height),
                                     .allowed = "the models' pictures show the same scene at the same size"});
    const Tensor votes = members_[i].votes(*images[i]);
    if (!sum.defined()) {
      sum = votes.clone();
      continue;
    }
    float* to = sum.data<float>().data();
    const float* from = votes.data<float>().data();
    for (int64_t k = 0; k < sum.elements(); ++k)
      to[k] += from[k];
  }
  return labels_of(sum);
}

}  // namespace vitrail

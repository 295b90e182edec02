#pragma once
// What `vitrail evaluate` was asked for: shared between models that label pixels and models that outline
// objects.

#include <string>
#include <vector>

#include "vitrail/cli/instance_options.h"
#include "vitrail/cli/model_options.h"

namespace vitrail::cli {

struct EvaluateRequest {
  std::string model, dataset;
  std::string split = "test";
  std::string convention = "skipped";
  std::string out;
  std::string results;
  std::string protocol, crf;
  std::vector<std::string> with;  ///< further models, each MODEL or MODEL=NAME:PATH
  int64_t objects = -1;
  bool boundary = false;
  bool as_pycocotools = false;
  bool json = false;
  InfoOptions info;
  RunOptions run;
  InstanceOptions instances;
};

/// COCO's figures of a model that outlines objects, printed. Empty `split`: the only one.
int evaluate_objects(const EvaluateRequest& options, Model model, const std::string& split);

/// The figures of a result file (COCO), or folder (Cityscapes), printed.
int evaluate_result_file(const EvaluateRequest& options, const std::string& split);

}  // namespace vitrail::cli

#include "vitrail/graph/op.h"

namespace vitrail {

std::string_view type_name(const Op& op) {
  return std::visit(
      Overload{[](const op::Conv&) { return "Conv"; },
               [](const op::ConvTranspose&) { return "ConvTranspose"; },
               [](const op::BatchNormalization&) { return "BatchNormalization"; },
               [](const op::Relu&) { return "Relu"; }, [](const op::Clip&) { return "Clip"; },
               [](const op::Sigmoid&) { return "Sigmoid"; }, [](const op::Identity&) { return "Identity"; },
               [](const op::Add&) { return "Add"; }, [](const op::Mul&) { return "Mul"; },
               [](const op::Concat&) { return "Concat"; }, [](const op::MaxPool&) { return "MaxPool"; },
               [](const op::AveragePool&) { return "AveragePool"; },
               [](const op::GlobalAveragePool&) { return "GlobalAveragePool"; },
               [](const op::Resize&) { return "Resize"; }, [](const op::Crop&) { return "Crop"; },
               [](const op::Pad&) { return "Pad"; }, [](const op::Softmax&) { return "Softmax"; },
               [](const op::ArgMax&) { return "ArgMax"; }, [](const op::Dropout&) { return "Dropout"; }},
      op);
}

}  // namespace vitrail

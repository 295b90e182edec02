#pragma once
// The published classes of the data sets, in the order of their indices, with their colours.
//
//   std::vector<ClassInfo> classes = voc_classes();   // classes[15].name == "person"

#include <vector>

#include "vitrail/graph/model.h"

namespace vitrail {

/// Pascal VOC: background and 20 objects; VOC's palette.
std::vector<ClassInfo> voc_classes();
/// ADE20K scene parsing: 150 classes, wall to flag. Source: SceneParsing benchmark's objectInfo150; the
/// palette is the one its tools share.
std::vector<ClassInfo> ade20k_classes();
/// Cityscapes' 19 evaluated classes in the order of their train ids.
std::vector<ClassInfo> cityscapes_classes();
/// NYUDv2's 40 classes (Gupta et al.), wall to otherprop.
std::vector<ClassInfo> nyud40_classes();
/// SIFT Flow's 33 classes, awning to window.
std::vector<ClassInfo> sift_flow_classes();

/// Pascal Context's 59 classes. `id` is the label among the 459 of the annotation files.
struct ContextClass {
  int64_t id = 0;
  ClassInfo info;
};
enum class ContextOrder {
  by_id,  ///< PyTorch-Encoding, FastFCN, MMSegmentation: aeroplane, bag, bed ...
  fcn,    ///< FCN: the 20 VOC classes first, then the others in its list's order
};
std::vector<ContextClass> context_classes(ContextOrder order);

/// A table from names separated by '|', painted with `colors` or, where there are fewer, distinct colours.
std::vector<ClassInfo> named_classes(std::string_view names,
                                     const std::vector<std::array<uint8_t, 3>>& colors = {});

}  // namespace vitrail

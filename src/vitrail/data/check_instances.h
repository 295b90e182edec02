#pragma once
// Is this data set of objects what training and evaluation will take it for? What `vitrail check-dataset`
// runs for instance data sets.
//
//   InstanceReport report = check_instances("coco:/data/mine/instances.json");
//   std::cout << to_text(report);
//   return report.errors() > 0 ? 1 : 0;
//
// Every picture is decoded and every outline rasterised. Errors would stop training or falsify a figure (an
// unknown category, a degenerate polygon, numbers that occur twice, a picture that is not there or has
// another size, one picture in two splits); warnings deserve a look (boxes that leave the picture, an object
// whose id is 0, objects without a pixel, the same object twice); notes are good to know.

#include "vitrail/data/check.h"

namespace vitrail {

struct InstanceSplitStatistics {
  std::string name;
  int64_t images = 0, images_without_objects = 0;
  int64_t objects = 0, crowds = 0;           ///< crowds are not among the objects
  int64_t small = 0, medium = 0, large = 0;  ///< objects below 32^2, below 96^2 and above, in pixels
  std::vector<int64_t> objects_of_class, images_of_class;
  std::map<std::pair<int64_t, int64_t>, int64_t> image_sizes;  ///< {height, width} -> images
  std::map<std::string, int64_t> image_formats;
};

struct InstanceReport {
  std::string dataset;  ///< NAME:PATH as given
  std::vector<ClassInfo> classes;
  std::vector<int64_t> categories;     ///< the data set's own numbers of the classes
  std::vector<FindingGroup> findings;  ///< errors first
  std::vector<InstanceSplitStatistics> splits;

  int64_t errors() const;  ///< findings of severity error, also those that are not shown
  int64_t warnings() const;
};

/// Checks every split. `options.label_map` has no meaning here. Throws Error(usage) for an unknown name and
/// Error(file) where there is no data set; whatever is wrong inside becomes a finding.
InstanceReport check_instances(const std::string& spec, const CheckOptions& options = {});

std::string to_text(const InstanceReport& report);
std::string to_json(const InstanceReport& report);

}  // namespace vitrail

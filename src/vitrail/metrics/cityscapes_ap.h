#pragma once
// Cityscapes' average precision of instances (SPEC 12), as its evalInstanceLevelSemanticLabeling computes it.
//
//   CityscapesApEvaluator evaluator(8);
//   evaluator.add(truth, found, void_pixels);          // frame after frame
//   CityscapesApScores s = evaluator.scores();
//   s.average_precision(CityscapesRange::all);         // AP over 10 overlaps
//   s.average_precision(CityscapesRange::all, 0);      // AP50
//   s.average_precision(CityscapesRange::within_50m);  // AP50m, where distances are known
//
// It differs from COCO's: an overlap must be greater than the threshold, the curve is integrated in steps, an
// object that is found twice keeps the better score, and what is found on void, groups or objects that do not
// count is forgiven when that is more of it than the threshold.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "vitrail/image/rle.h"

namespace vitrail {

struct CityscapesTrueObject {
  int64_t class_index = 0;
  Rle mask;
  bool group = false;              ///< several outlined as one: not to be found
  std::optional<double> distance;  ///< median distance in metres
  double stereo_density = 0;       ///< share of its pixels whose distance is known; at least 0.5 to count
};

struct CityscapesFoundObject {
  int64_t class_index = 0;
  Rle mask;
  double score = 0;
};

/// Which objects count: of 100 pixels or more at any distance, or of 1000 pixels or more that are near.
enum class CityscapesRange { all, within_100m, within_50m };

constexpr size_t cityscapes_overlaps = 10;  ///< 0.50, 0.55 ... 0.95

class CityscapesApScores {
 public:
  /// The mean over classes and overlaps of those that have objects; one overlap or one class where chosen.
  /// Nothing where there is no object, or for a distance where none is known.
  std::optional<double> average_precision(CityscapesRange range = CityscapesRange::all,
                                          std::optional<size_t> overlap = std::nullopt,
                                          std::optional<int64_t> class_index = std::nullopt) const;
  int64_t classes() const { return classes_; }
  bool has_distances() const { return has_distances_; }

 private:
  friend class CityscapesApEvaluator;
  int64_t classes_ = 0;
  bool has_distances_ = false;
  std::vector<std::optional<double>> values_;  // by range, class, overlap
};

/// Keeps areas and intersections, no masks.
class CityscapesApEvaluator {
 public:
  explicit CityscapesApEvaluator(int64_t classes);
  /// `void_pixels`: where the truth has labels that are not evaluated. Finds without a pixel count nowhere.
  /// Throws Error(usage) for a class out of range, Error(shape) for masks of different sizes.
  void add(const std::vector<CityscapesTrueObject>& truth, const std::vector<CityscapesFoundObject>& found,
           const Rle& void_pixels);
  CityscapesApScores scores() const;

 private:
  struct True {
    double pixels;
    bool group;
    double distance, stereo_density;
  };
  struct Found {
    double pixels, score, on_void;
    std::vector<std::pair<size_t, double>> common;  // with which true object, how many pixels
  };
  struct Frame {  // one class in one frame
    std::vector<True> truth;
    std::vector<Found> found;
  };
  struct Rule;
  static std::optional<double> precision_of(const std::vector<Frame>& frames, const Rule& rule);

  int64_t classes_;
  bool has_distances_ = false;
  std::vector<std::vector<Frame>> frames_;  // by class
};

}  // namespace vitrail

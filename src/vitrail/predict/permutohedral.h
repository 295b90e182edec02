#pragma once
// Gaussian filtering of scattered vectors in a few dimensions, in time linear in their number: the
// permutohedral lattice (Adams, Baek, Davis 2010; SPEC 6.3). What dense CRFs are made of.
//
//   Permutohedral lattice(features, 5);                 // points x 5 positions, in standard deviations
//   lattice.filter(values, 21, result);                 // result_i = sum_j exp(-|f_i - f_j|^2 / 2) values_j,
//   nearly
//
// The lattice approximates the Gaussian to some percent; the sum runs over all points, j = i too.

#include <cstdint>
#include <span>
#include <vector>

namespace vitrail {

class Permutohedral {
 public:
  /// `features` holds points x dimensions values, 1 <= dimensions <= 6. Throws Error(usage) for anything else
  /// or a feature that is not finite or beyond 8000.
  Permutohedral(std::span<const float> features, int dimensions);

  int64_t points() const { return points_; }
  int64_t vertices() const { return vertices_; }

  /// `values` and `result`: points x channels. The same bits for any number of threads.
  void filter(std::span<const float> values, int64_t channels, std::span<float> result) const;

 private:
  void embed(std::span<const float> features);
  void find_neighbours();

  int dimensions_;
  int64_t points_;
  int64_t vertices_ = 0;
  std::vector<int32_t> vertex_of_;   ///< points x (d + 1)
  std::vector<float> weight_of_;     ///< points x (d + 1), barycentric
  std::vector<int16_t> keys_;        ///< vertices x d
  std::vector<int32_t> neighbours_;  ///< (d + 1) x vertices x 2, `vertices_` where there is none
  std::vector<int64_t> first_of_;    ///< vertices + 1: where each vertex's corners begin in corners_
  std::vector<int32_t> corners_;     ///< corner ids (point x (d + 1) + r), by vertex
};

}  // namespace vitrail

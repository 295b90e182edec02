#include "vitrail/train/crops.h"

#include <functional>
#include <memory>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/separable.h"

namespace vitrail::train {
namespace {

using detect_detail::Source;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The tensor's own memory, which lives as long as the view.
Tensor viewed(const at::Tensor& tensor) {
  const auto owner = std::make_shared<at::Tensor>(tensor);
  return Tensor::view(DataType::f32, tensor.sizes().vec(),
                      reinterpret_cast<const std::byte*>(owner->data_ptr<float>()), owner);
}

at::Tensor adopted(const Tensor& tensor) {
  const auto owner = std::make_shared<Tensor>(tensor);
  return at::from_blob(
      owner->data<float>().data(), tensor.shape(), [owner](void*) {}, at::kFloat);
}

at::Tensor host(const at::Tensor& tensor) {
  return tensor.detach().to(at::kCPU, at::kFloat).contiguous();
}

// The sources point to the map, so they live together.
struct Crops : torch::CustomClassHolder {
  Tensor map;
  std::vector<Source> sources;
  Extent crop;
};

using MakeSources = std::function<std::vector<Source>(const Tensor&)>;

class CropFunction : public torch::autograd::Function<CropFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& map, const MakeSources& make,
                            Extent crop) {
    const auto crops = c10::make_intrusive<Crops>();
    crops->map = viewed(host(map));
    crops->sources = make(crops->map);
    crops->crop = crop;
    const at::Tensor result = adopted(detect_detail::crop_all(crops->sources, crops->map.size(1), crop));
    context->saved_data["crops"] = at::IValue::make_capsule(crops);
    context->save_for_backward({map});  // so that LibTorch notices if it is overwritten
    return result.to(map.options());
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    context->get_saved_variables();
    const auto held = context->saved_data["crops"].toCapsule();
    const auto& crops = static_cast<const Crops&>(*held);
    const at::Tensor back = at::zeros(crops.map.shape(), at::kFloat);
    Tensor back_view = viewed(back);
    detect_detail::add_crop_gradients(crops.sources, viewed(host(gradients[0])), back_view);
    return {back.to(gradients[0].options()), {}, {}};
  }
};

at::Tensor cropped(const at::Tensor& map, const MakeSources& make, Extent crop) {
  if (map.dim() != 4 || map.numel() == 0)
    throw Error(ErrorKind::shape,
                {.where = "crops",
                 .found = cat("a map of ", map.dim(), " dimensions and ", map.numel(), " values"),
                 .allowed = "maps are [N,C,H,W], and not empty"});
  return CropFunction::apply(map, make, crop);
}

}  // namespace

at::Tensor roi_align(const at::Tensor& map, std::span<const Box> boxes, std::span<const int64_t> images,
                     const op::RoiAlign& op) {
  const auto make = [&](const Tensor& host_map) {
    return detect_detail::aligned_sources(host_map, boxes, images, op);
  };
  return cropped(map, make, {op.height, op.width});
}

at::Tensor crop_and_pool(const at::Tensor& map, std::span<const Box> boxes, std::span<const int64_t> images,
                         Extent crop, Extent image) {
  const auto make = [&](const Tensor& host_map) {
    return detect_detail::resized_sources(host_map, boxes, images, crop, image, true);
  };
  return cropped(map, make, crop);
}

at::Tensor branch_crops(const at::Tensor& map, int64_t stride, std::span<const Box> regions,
                        std::span<const int64_t> images, const BranchSystem& branch, Extent image) {
  const auto make = [&](const Tensor& host_map) {
    return detect_detail::branch_sources(host_map, stride, regions, images, branch, image);
  };
  return cropped(map, make, detect_detail::branch_crop(branch, stride));
}

}  // namespace vitrail::train

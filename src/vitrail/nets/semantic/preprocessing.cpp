#include "vitrail/nets/semantic/preprocessing.h"

namespace vitrail {

Preprocessing imagenet_rgb() {
  return {.order = ChannelOrder::rgb, .mean = {123.675, 116.28, 103.53}, .std = {58.395, 57.12, 57.375}};
}
Preprocessing caffe_bgr() {
  return {.order = ChannelOrder::bgr, .mean = {104.00699, 116.66877, 122.67892}, .std = {1, 1, 1}};
}
Preprocessing tensorflow_rgb() {
  return {.order = ChannelOrder::rgb, .mean = {127.5, 127.5, 127.5}, .std = {127.5, 127.5, 127.5}};
}

}  // namespace vitrail

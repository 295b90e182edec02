#pragma once
// Precompiled for everything under train/: LibTorch's headers cost ten seconds a file without it.
#include <torch/torch.h>

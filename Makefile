# make demo   installs what is missing, builds, and segments two sample pictures
# make test   installs what is missing, builds, and runs every test
# The rest is for those who work on Vitrail: HACKING.md.

SHELL := /bin/bash
BUILD ?= build
JOBS ?= $(shell nproc)
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
PACKAGES = $(shell sed 's/\#.*//' cmake/debian-packages.txt)
TEST_PACKAGES = $(shell sed 's/\#.*//' cmake/debian-test-packages.txt)
FORMATTED = $(shell git ls-files 'src/*.h' 'src/*.cpp' 'tests/*.h' 'tests/*.cpp' 'bench/*.h' 'bench/*.cpp' 'examples/*.c' 'examples/*.cpp')

.PHONY: demo test build deps test-deps format check-format test-without-train sanitize clean

demo: build
	$(BUILD)/vitrail segment models/street.onnx models/samples/street.jpg --out out/demo
	$(BUILD)/vitrail segment models/people.onnx models/samples/astronaut.jpg --out out/demo

# A new build folder is one without tests, which need more packages; another stays what it is.
build: deps
	cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release $(if $(wildcard $(BUILD)/CMakeCache.txt),,-DVITRAIL_TESTS=OFF)
	cmake --build $(BUILD) -j $(JOBS) --target vitrail_program

test: test-deps check-format
	cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release -DVITRAIL_TESTS=ON -DVITRAIL_WERROR=ON
	cmake --build $(BUILD) -j $(JOBS)
	$(MAKE) test-without-train
	@# Several programs share the cores: a thread that waits must not spin.
	cd $(BUILD) && OMP_WAIT_POLICY=passive ctest --output-on-failure -j $(JOBS)

# Everything but training builds and runs with no LibTorch in sight. Flags and depth of the folder are those of `test`,
# so that ccache has the objects.
test-without-train:
	cmake -S . -B $(BUILD)-without-train -G Ninja -DCMAKE_BUILD_TYPE=Release -DVITRAIL_TRAIN=OFF -DVITRAIL_TESTS=OFF -DVITRAIL_WERROR=ON
	cmake --build $(BUILD)-without-train -j $(JOBS)
	! ldd $(BUILD)-without-train/vitrail | grep -i torch
	$(BUILD)-without-train/vitrail doctor

# install_missing: the packages $(1), if one of them is not there
define install_missing
	@missing=$$(dpkg-query -W -f='$${db:Status-Status} $${binary:Package}\n' $(1) 2>&1 | grep -v '^installed ' || true); \
	if [ -n "$$missing" ]; then \
	  $(SUDO) apt-get update -qq && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1); \
	fi
endef

deps:
	$(call install_missing,$(PACKAGES))

# The outside oracles of the tests: torchvision, and ONNX Runtime from npm. The product needs neither Python nor Node.
test-deps: deps
	$(call install_missing,$(TEST_PACKAGES))
	@command -v npm > /dev/null || { $(SUDO) apt-get update -qq && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm; }
	@[ -d tests/onnxruntime/node_modules/onnxruntime-node ] || \
	  (cd tests/onnxruntime && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)

check-format:
	clang-format-14 --dry-run --Werror $(FORMATTED)

format:
	clang-format-14 -i $(FORMATTED)

# The test suite under AddressSanitizer + UndefinedBehaviorSanitizer, then ThreadSanitizer: two long builds.
sanitize: test-deps
	tests/sanitize.sh address $(BUILD)/address
	tests/sanitize.sh thread $(BUILD)/thread

clean:
	rm -rf $(BUILD) $(BUILD)-without-train out

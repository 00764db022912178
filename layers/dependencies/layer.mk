# Built with wheels of the functions' own runtime, so that the interpreter at hand need not match it.
# LAYER_TARGET=host builds for this machine's interpreter instead: what the tests of a deployment run.
# MACHINE is set by the makefile that includes this one.
BUILD_PYTHON ?= python3
LAYER_TARGET ?= lambda
RUNTIME := 3.13
# Where this makefile really is: SAM runs it in a copy of its folder.
LAYERS := $(dir $(abspath $(firstword $(MAKEFILE_LIST))))../..
ifeq ($(LAYER_TARGET),host)
WHEELS :=
else
WHEELS := --platform manylinux2014_$(MACHINE) --platform manylinux_2_28_$(MACHINE) --python-version $(RUNTIME) --implementation cp
endif

build-DependenciesLayer:
	mkdir -p "$(ARTIFACTS_DIR)/python"
	"$(BUILD_PYTHON)" -m pip install --quiet --disable-pip-version-check --no-compile --target "$(ARTIFACTS_DIR)/python" \
		$(WHEELS) --only-binary=:all: --requirement requirements.txt
	find "$(ARTIFACTS_DIR)/python" -type d \( -name __pycache__ -o -name tests \) -prune -exec rm -rf {} +
	# The extension written in C serves; its twin for other interpreters would be another 10 MB.
	rm -f "$(ARTIFACTS_DIR)"/python/zstandard/_cffi*.so "$(ARTIFACTS_DIR)/python/zstandard/backend_cffi.py"
	# What only debuggers read would be 84 MB, and the reader of C headers serves nobody here.
	"$(BUILD_PYTHON)" "$(LAYERS)/strip.py" "$(ARTIFACTS_DIR)/python"
	rm -rf "$(ARTIFACTS_DIR)"/python/pycparser "$(ARTIFACTS_DIR)"/python/pycparser-*
	# Commands name the interpreter that built them, and the records their hashes: elsewhere the same packages would look
	# like other ones, and each function would be changed for nothing.
	rm -rf "$(ARTIFACTS_DIR)/python/bin"
	find "$(ARTIFACTS_DIR)/python" -path '*.dist-info/RECORD' -delete
	sh "$(LAYERS)/compile.sh" "$(ARTIFACTS_DIR)" "$(BUILD_PYTHON)" "$(if $(filter host,$(LAYER_TARGET)),,$(RUNTIME))"

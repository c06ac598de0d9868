# SPDX-License-Identifier: GPL-2.0
#
# Tests of the reader of images, on the build machine: the code that the kernel runs, with ASan and
# UBSan. Included by the top Makefile behind tools/mkcrimg/mkcrimg.mk.

UNIT := $(B)/unit
UNIT_CFLAGS := -O1 -g -Wall -Wextra -D_GNU_SOURCE -pthread -MMD -MP \
	-fsanitize=address,undefined -fno-sanitize-recover=all $(MKCRIMG_INC) -Itests/unit
UNIT_BUILD := tests/unit/build.c tests/unit/sample.c
UNIT_MUTATION := tests/unit/mutation.c tools/mkcrimg/fields.c
UNIT_LIBS := -lxxhash -lzstd

unit_obj = $(patsubst %.c,$(UNIT)/%.o,$(1))

.PHONY: unit fuzz
# Asked again after the setup, as for the tool itself: only then it is known what can be built
unit: setup			## what tests/bats/host needs
	@$(MAKE) -s $(addprefix $(UNIT)/,test_image mkimage mutate exec_mutants mkcrimg fuzz_image)

$(UNIT)/%.o: %.c
	@$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -c -o $@ $<

define unit_link
@$(call say,LD,$@)
$(Q)$(HOSTCC) $(UNIT_CFLAGS) -o $@ $^ $(UNIT_LIBS)
endef

$(UNIT)/test_image: $(call unit_obj,tests/unit/test_image.c tests/unit/directed.c tests/unit/large.c \
		$(UNIT_BUILD) $(UNIT_MUTATION) $(CR_READER_SRC))
	$(unit_link)

$(UNIT)/mkimage: $(call unit_obj,tests/unit/mkimage.c $(UNIT_BUILD))
	$(unit_link)

# The tool itself under the sanitizers
$(UNIT)/mkcrimg: UNIT_LIBS = $$(pkg-config --libs $(MKCRIMG_LIBS))
$(UNIT)/mkcrimg: $(call unit_obj,$(MKCRIMG_SRC) $(CR_READER_SRC))
	$(unit_link)

# These run in virtual machines, thousands of times: without sanitizers
MUTATE_OBJ := $(patsubst %.c,$(B)/mkcrimg.d/%.o,tests/unit/build.c $(UNIT_MUTATION) tools/mkcrimg/util.c tools/mkcrimg/text.c \
	$(CR_READER_SRC))
$(UNIT)/mutate $(UNIT)/exec_mutants: $(UNIT)/%: $(B)/mkcrimg.d/tests/unit/%.o $(MUTATE_OBJ)
	@$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(CFLAGS) -o $@ $^ -lxxhash -lzstd
$(B)/mkcrimg.d/tests/unit/%.o: MKCRIMG_INC += -Itests/unit

# ---- libFuzzer ----

FUZZ_TIME ?= 60
FUZZ_FLAGS := -O1 -g -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

$(UNIT)/fuzz_image: tests/unit/fuzz_image.c $(CR_READER_SRC) $(wildcard include/linux/cr_*.h kernel/cr_check.h)
	@$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)clang $(FUZZ_FLAGS) $(MKCRIMG_INC) -o $@ $(filter %.c,$^) -lxxhash

fuzz: unit			## run the fuzzer for FUZZ_TIME seconds
	@tests/unit/fuzz $(UNIT) $(FUZZ_TIME)

-include $(wildcard $(UNIT)/*/*/*.d $(UNIT)/*/*.d) $(wildcard $(B)/mkcrimg.d/tests/unit/*.d)

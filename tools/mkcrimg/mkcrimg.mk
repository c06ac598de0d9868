# SPDX-License-Identifier: GPL-2.0
#
# mkcrimg: its own sources, and the kernel's reader and checks of images. Included by the top Makefile.

MKCRIMG_LIBS := libelf libzstd libxxhash json-c
MKCRIMG_INC := -Itools/mkcrimg/compat -Iinclude/uapi -Iinclude -Itools/mkcrimg
MKCRIMG_SRC := $(wildcard tools/mkcrimg/*.c)
# The code that the kernel runs
CR_READER_SRC := kernel/cr_image.c $(wildcard kernel/cr_check*.c)
MKCRIMG_OBJ := $(patsubst %.c,$(B)/mkcrimg.d/%.o,$(MKCRIMG_SRC) $(CR_READER_SRC))

$(B)/mkcrimg: $(MKCRIMG_OBJ)
	@$(call say,LD,$@)
	$(Q)$(HOSTCC) $(CFLAGS) -pthread -o $@ $^ $$(pkg-config --libs $(MKCRIMG_LIBS))

$(B)/mkcrimg.d/%.o: %.c
	@$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(CFLAGS) -pthread -D_GNU_SOURCE -MMD -MP $(MKCRIMG_INC) -c -o $@ $<

-include $(MKCRIMG_OBJ:.o=.d)

# SPDX-License-Identifier: GPL-2.0
#
# mkcrimg: its own sources, and the kernel's reader and checks of images. Included by the top Makefile.

MKCRIMG_LIBS := libdw libelf libzstd libxxhash json-c
MKCRIMG_INC := -Itools/mkcrimg/compat -Iinclude/uapi -Iinclude -Itools/mkcrimg -I$(B)/mkcrimg.d
MKCRIMG_SRC := $(wildcard tools/mkcrimg/*.c)
# Without libfuse3 there is no "mkcrimg mount"
ifeq ($(shell pkg-config --exists 'fuse3 >= 3.12' && echo y),y)
MKCRIMG_LIBS += fuse3
MKCRIMG_INC += $(shell pkg-config --cflags fuse3)
else
MKCRIMG_SRC := $(filter-out tools/mkcrimg/cmd_mount.c tools/mkcrimg/mount%,$(MKCRIMG_SRC))
endif
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

# Numbers and names of system calls, for the tool and for its copy under the sanitizers
$(addsuffix /tools/mkcrimg/syscall.o,$(B)/mkcrimg.d $(B)/unit): $(B)/mkcrimg.d/syscalls.inc

$(B)/mkcrimg.d/syscalls.inc: tools/mkcrimg/mkcrimg.mk
	@$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)echo '#include <asm/unistd_64.h>' | $(HOSTCC) -E -dM - >$@.new
	$(Q)sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/\t[\2] = "\1",/p' $@.new | sort -V >$@
	$(Q)rm $@.new

-include $(MKCRIMG_OBJ:.o=.d)

# SPDX-License-Identifier: GPL-2.0
#
# binfmt_cr: core dumps you can run. "make help" lists what can be made.
#
# The kernel's part is described in Kbuild; this file builds it for stock kernels, and the tools.

MAKEFLAGS += --no-print-directory
SHELL := /bin/bash

export CR_CACHE ?= /var/cache/binfmt_cr
B := build

HOSTCC	:= gcc
CFLAGS	:= -O2 -g -Wall -Wextra
PROG_CFLAGS := -O2 -g -Wall -pthread
DESTDIR	:=
prefix	:= /usr/local

# The kernels to build for: those that KVER names, else every supported one.
KVERS := $(if $(KVER),$(KVER),6.12 6.1)

V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),:,printf '  %-7s %s\n' $(1) $(2))

# Those that build here at the same time take turns; what is made in its turn does not ask for it again.
in_turn = $(if $(CR_IN_TURN),,mkdir -p $(B) && CR_IN_TURN=1 flock -o $(B)/.lock)

.PHONY: all everything
all:				## the module for KVER (default: every supported kernel), tools and test programs
	@$(in_turn) $(MAKE) everything

everything: setup module tools progs

.PHONY: help
help:				## this list
	@awk -F ':.*## ' '/^[a-z].*:.*## / { sub(/^\t+/, "", $$2); printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  KVER=6.12 (default), 6.1, debug, builtin or a full release; W=1, V=1 as in the kernel'
	@echo '  make kernel BUILTIN=y: beside the debug kernel, the same with binfmt_cr built in: KVER=builtin'
	@echo '  make ends with 2 for every failure: make vm prints the status of CMD, and tests/vm/run CMD ends with it'

.PHONY: setup setup-long
setup:				## install what is missing: packages, headers, kernels
	@scripts/setup

setup-long:			## and the programs that test-long saves
	@scripts/setup -l

# ---- module ----------------------------------------------------------------------------------

.PHONY: module sparse
module: setup			## only the module
	@for kver in $(KVERS); do $(in_turn) $(MAKE) kernel-module KREL=$$(scripts/kver $$kver) || exit; done

sparse: setup			## the module, checked by sparse
	@for kver in $(KVERS); do touch -c $(B)/*/obj/.sparse; $(MAKE) kernel-sparse KREL=$$(scripts/kver $$kver) || exit; done

ifdef KREL
KDIR := /usr/src/linux-headers-$(KREL)
O := $(abspath $(B))/$(KREL)
KMODULES := $(CR_CACHE)/$(KREL)/lib/modules/$(KREL)
KMAP := $(CR_CACHE)/$(KREL)/System.map
kbuild = $(MAKE) -j$(shell nproc) -C $(KDIR) M=$(O)/obj KBUILD_MODPOST_WARN=1 CONFIG_DEBUG_INFO_BTF_MODULES= $(if $(W),W=$(W)) modules

# kbuild is always asked, the rest follows if it made a new module.  A debug kernel has its own.
.PHONY: kernel-module kernel-sparse
ifneq ($(filter %-crdebug %-crdebug-builtin,$(KREL)),)
kernel-module:
	$(Q)scripts/kernel $(if $(filter %-builtin,$(KREL)),y,m)

kernel-sparse:
	@:
else
kernel-module: kbuild
	@$(MAKE) -s $(O)/binfmt_cr.ko $(O)/lib/modules/$(KREL)/modules.dep.bin

kernel-sparse:
	$(Q)scripts/mirror $(O)/obj
	$(Q)$(kbuild) C=2 CF="-D__CHECK_ENDIAN__" 2>&1 | scripts/kbuild-filter
endif

.PHONY: kbuild
kbuild:
	$(Q)scripts/mirror $(O)/obj
	$(Q)set -o pipefail; $(kbuild) 2>&1 | scripts/kbuild-filter

$(O)/binfmt_cr.ko: $(O)/obj/binfmt_cr.ko $(B)/klplink $(KMAP)
	@$(call say,KLPLINK,$(patsubst $(CURDIR)/%,%,$@))
	$(Q)mkdir -p $(O)/stripped; objcopy --strip-debug $< $(O)/stripped/binfmt_cr.ko
	$(Q)$(B)/klplink -m $(KMAP) $(addprefix -s ,$(SYMPOS)) -o $@ $(O)/stripped/binfmt_cr.ko $(KDIR)/Module.symvers

$(KMAP):
	@$(call say,SYMBOLS,$(KREL))
	$(Q)tests/vm/symbols $(KREL) $@

# What modprobe looks at, as if the module were installed; the kernel's own modules are in the cache.
$(O)/lib/modules/$(KREL)/modules.dep.bin: $(O)/alias
	@$(call say,DEPMOD,$(KREL))
	$(Q)mkdir -p $(@D)/extra
	$(Q)ln -sfn $(KMODULES)/kernel $(@D)/kernel
	$(Q)ln -sfn $(O)/binfmt_cr.ko $(@D)/extra/binfmt_cr.ko
	$(Q)cp $(KMODULES)/modules.builtin $(KMODULES)/modules.builtin.modinfo $(KMODULES)/modules.order $(@D)/
	$(Q)depmod -b $(O) $(KREL)

$(O)/alias: $(O)/binfmt_cr.ko
	$(Q)/sbin/modinfo -F alias $< >$@.new; /sbin/modinfo -F depends $< >>$@.new
	$(Q)cmp -s $@.new $@ && rm $@.new || mv $@.new $@
endif

.PHONY: kernel exports overlay
kernel: setup			## the debug kernel with these sources in its tree (20 minutes the first time)
	@scripts/kernel $(if $(filter y,$(BUILTIN)),y,m)

exports: module			## kernel/cr_export.c, when the module refers to other symbols than before
	@scripts/exports

overlay:			## lay the sources over the kernel tree TREE
	@scripts/overlay-tree "$(TREE)"

# ---- tools -----------------------------------------------------------------------------------

.PHONY: tools progs
tools: setup
	@$(MAKE) -s $(B)/klplink $(B)/mkcrimg

$(B)/klplink: tools/klplink/klplink.c
	@$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(CFLAGS) -o $@ $< -lelf

include tools/mkcrimg/mkcrimg.mk
-include tests/unit/unit.mk

progs:				## only the test programs
	@[ ! -e tests/progs/Makefile ] || $(MAKE) -s -C tests/progs OUT=$(abspath $(B))/progs

# ---- running ---------------------------------------------------------------------------------

.PHONY: vm test test-long demo
vm: all				## run CMD as root in a virtual machine with the module loaded
	@KVER=$(or $(KVER),6.12) $(VM_RUN) "$${VM_CMD:-uname -a}" || { rc=$$?; echo "vm: exit status $$rc" >&2; exit $$rc; }
VM_RUN := tests/vm/run
vm: export VM_CMD := $(value CMD)

test: all $(if $(wildcard tests/unit/unit.mk),unit)	## the whole test suite, on every supported kernel (or KVER)
	@tests/run $(KVERS)

test-long: setup-long all $(if $(wildcard tests/unit/unit.mk),unit)	## what takes long, too: real programs, damaged images, debuggers
	@CR_TESTS=all tests/run $(KVERS)

demo: all			## save and resume a real job in a virtual machine
	@scripts/demo

MANUALS := $(wildcard Documentation/man/*.[1-9])
manual = $(DESTDIR)$(prefix)/share/man/man$(subst .,,$(suffix $1))/$(notdir $1)

.PHONY: install install-man uninstall clean
install: all install-man	## install the tool, its manuals, and the module for the kernels built
	install -D -m 755 $(B)/mkcrimg $(DESTDIR)$(prefix)/bin/mkcrimg
	@for kver in $(KVERS); do rel=$$(scripts/kver $$kver) && \
		install -v -D -m 644 $(B)/$$rel/binfmt_cr.ko $(DESTDIR)/lib/modules/$$rel/extra/binfmt_cr.ko && \
		{ [ ! -e $(DESTDIR)/lib/modules/$$rel/modules.order ] || depmod $(if $(DESTDIR),-b $(DESTDIR)) $$rel; } || exit; done

install-man:
	@$(foreach m,$(MANUALS),install -v -D -m 644 $m $(call manual,$m) &&) :

uninstall:			## remove what install has installed
	rm -f $(DESTDIR)$(prefix)/bin/mkcrimg $(foreach m,$(MANUALS),$(call manual,$m))
	@for kver in $(KVERS); do rel=$$(scripts/kver $$kver) && \
		rm -vf $(DESTDIR)/lib/modules/$$rel/extra/binfmt_cr.ko && \
		{ [ ! -e $(DESTDIR)/lib/modules/$$rel/modules.order ] || depmod $(if $(DESTDIR),-b $(DESTDIR)) $$rel; } || exit; done

clean:				## remove what was built (kernels stay in the cache)
	rm -rf $(B)

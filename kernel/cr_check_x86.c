// SPDX-License-Identifier: GPL-2.0
/*
 * Checks of a thread's registers. x86-64 in 64-bit mode only. The restart sets
 * them through the regsets, which check again what depends on the machine.
 */
#include <linux/mm.h>
#include "cr_check.h"

/* Index of a register in struct user_regs_struct */
enum {
	X86_IP = 16, X86_CS = 17, X86_SS = 20, X86_FS_BASE = 21,
	X86_GS_BASE = 22, X86_DS = 23, X86_ES = 24, X86_FS = 25, X86_GS = 26,
};

#define X86_USER_CS	0x33
#define X86_USER_DS	0x2b

/* The XSAVE area: legacy area, then a header, then the components */
#define XSAVE_MXCSR	24
#define XSAVE_HEADER	512
#define XSAVE_MIN	576
#define XSAVE_MXCSR_MAX	0xffffu
/* FP, SSE, AVX, MPX, AVX-512, PKRU, AMX: what user space may hold */
#define XSAVE_KNOWN	0x602ffull

int cr_regs_check(struct cr_check *c, const struct cr_detail_iter *it)
{
	static const u8 selectors[] = { X86_DS, X86_ES, X86_FS, X86_GS };
	struct cr_rec_regs_x86 rec;
	size_t i;
	u64 sel;

	cr_detail(it, &rec, sizeof(rec));
	if (le64_to_cpu(rec.gpr[X86_CS]) != X86_USER_CS ||
	    le64_to_cpu(rec.gpr[X86_SS]) != X86_USER_DS)
		return cr_unknown(c, "code segment 0x%llx, stack segment 0x%llx",
				  cr_ull(rec.gpr[X86_CS]),
				  cr_ull(rec.gpr[X86_SS]));
	for (i = 0; i < ARRAY_SIZE(selectors); i++) {
		sel = le64_to_cpu(rec.gpr[selectors[i]]);
		/* null or of the user's privilege level */
		if (sel > 0xffff || (sel && (sel & 3) != 3))
			return cr_bad(c, "segment selector 0x%llx",
				      (unsigned long long)sel);
	}
	return cr_check_addr(c, rec.gpr[X86_IP], "ip") ?:
	       cr_check_addr(c, rec.gpr[X86_FS_BASE], "fs_base") ?:
	       cr_check_addr(c, rec.gpr[X86_GS_BASE], "gs_base");
}

/* DR7: two bits for each that it is on, from 16 on four for what and how long */
static int breakpoint_check(struct cr_check *c, u64 addr, u32 dr7,
			    unsigned int n)
{
	static const u8 length[] = { 1, 2, 8, 4 };
	u32 type = dr7 >> (16 + 4 * n) & 3;
	u32 len = length[dr7 >> (18 + 4 * n) & 3];

	/* where there is none, it says nothing */
	if (!addr && !(dr7 >> 2 * n & 3))
		return 0;
	/* execution, writing, I/O ports, reading or writing */
	if (type == 2 || (type == 0 && len != 1) || addr % len ||
	    addr > CR_TASK_SIZE - len)
		return cr_bad(c, "breakpoint %u of type %u, length %u at 0x%llx",
			      n, type, len, (unsigned long long)addr);
	return 0;
}

int cr_debug_check(struct cr_check *c, const struct cr_detail_iter *it)
{
	struct cr_rec_debug_x86 rec;
	unsigned int n;
	int err;

	cr_detail(it, &rec, sizeof(rec));
	err = cr_check_mask(c, le32_to_cpu(rec.dr6), CR_X86_DR6_KNOWN, "dr6") ?:
	      cr_check_mask(c, le32_to_cpu(rec.dr7), CR_X86_DR7_KNOWN, "dr7");
	for (n = 0; !err && n < CR_X86_NR_BREAKPOINTS; n++)
		err = breakpoint_check(c, le64_to_cpu(rec.addr[n]),
				       le32_to_cpu(rec.dr7), n);
	return err;
}

int cr_xstate_check(struct cr_check *c, const struct cr_detail_iter *it)
{
	struct cr_rec_xstate_x86 rec;
	const u8 *area = it->view.tail;
	__le64 header[8];
	__le32 mxcsr;
	u64 known;
	u32 size, i;

	cr_detail(it, &rec, sizeof(rec));
	size = le32_to_cpu(rec.size);
	known = le64_to_cpu(rec.xfeatures);
	if (size < XSAVE_MIN || size > CR_XSTATE_MAX)
		return cr_bad(c, "%u bytes", size);
	if (cr_check_tail(c, &it->view, size) || cr_check_zero(c, rec.reserved))
		return -EBADMSG;
	if (cr_check_mask(c, known, XSAVE_KNOWN, "components"))
		return -EOPNOTSUPP;

	memcpy(&mxcsr, area + XSAVE_MXCSR, sizeof(mxcsr));
	memcpy(header, area + XSAVE_HEADER, sizeof(header));
	if (le32_to_cpu(mxcsr) > XSAVE_MXCSR_MAX)
		return cr_bad(c, "mxcsr 0x%x", le32_to_cpu(mxcsr));
	if (le64_to_cpu(header[0]) & ~known)
		return cr_bad(c, "components 0x%llx of 0x%llx",
			      cr_ull(header[0]), (unsigned long long)known);
	/* header[1] is xcomp_bv: not zero in the compacted format only */
	for (i = 1; i < ARRAY_SIZE(header); i++)
		if (header[i])
			return cr_bad(c, "not in the standard format");
	return 0;
}

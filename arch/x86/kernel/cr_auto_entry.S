/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a call of get_signal() leads while signals are caught: first to us, then
 * to where it was meant to. A jump, so that nothing of ours is on the stack while
 * a task is stopped in there, or ends there.
 */
#include <linux/linkage.h>
#include <asm/frame.h>

	.text
SYM_FUNC_START(cr_auto_get_signal)
	FRAME_BEGIN
	pushq	%rdi
	call	cr_auto_deliver
	popq	%rdi
	FRAME_END
	jmp	get_signal
SYM_FUNC_END(cr_auto_get_signal)

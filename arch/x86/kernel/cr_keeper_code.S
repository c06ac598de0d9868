/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The keeper: user code that stands for a job towards the job's new parent.
 *
 * It ends as the leader ends, stops when the leader stops, and passes signals
 * on. The loader copies it into an otherwise empty address space. All signals
 * are blocked: they are fetched one by one, so none is lost or handled twice.
 *
 * Entered with: r12 pid of the leader; r13 not zero: it leads a session of its
 * own, and signals that the terminal sends to the keeper's group do not reach
 * it; r14 zero; rsp top of a stack.
 *
 * Such a leader's group stands for that of the keeper: what comes from the
 * terminal is for all of it. r14 not zero: the group has been stopped that way.
 */
#include <linux/linkage.h>
#include <asm/unistd_64.h>

#define SIGCHLD		17
#define SIGCONT		18
#define SIGSTOP		19
#define SIGTSTP		20
#define SI_QUEUE	-1
#define SI_KERNEL	0x80
#define SI_CODE		8		/* offset in siginfo_t */
#define WAIT_FLAGS	(0x1 | 0x2 | 0x8 | 0x40000000) /* NOHANG UNTRACED CONTINUED __WALL */
#define RLIMIT_CORE	4
#define SIG_SETMASK	2
#define STATUS		128		/* offsets on the stack, behind siginfo_t */
#define MASK		136

	.section .rodata, "a"
	.balign 16
	.globl cr_keeper_code
cr_keeper_code:
	subq	$256, %rsp
	andq	$-16, %rsp
.Lwait:
	leaq	.Lall(%rip), %rdi
	movq	%rsp, %rsi
	xorl	%edx, %edx
	movl	$8, %r10d
	movl	$__NR_rt_sigtimedwait, %eax
	syscall
	testl	%eax, %eax
	jle	.Lwait
	movl	%eax, %ebp
	cmpl	$SIGCHLD, %ebp
	je	.Lchild

	/* from the terminal to our group: the leader, in it, has its own */
	movl	SI_CODE(%rsp), %eax
	cmpl	$SI_KERNEL, %eax
	jne	.Luser
	testl	%r13d, %r13d
	jz	.Lwait
	/* its group is an orphaned one: SIGTSTP would stop nobody */
	cmpl	$SIGTSTP, %ebp
	jne	.Lgroup
	movl	$SIGSTOP, %ebp
	movl	$1, %r14d
.Lgroup:
	movl	%r12d, %edi
	negl	%edi
	movl	%ebp, %esi
	jmp	.Lkill

.Luser:
	cmpl	$SIGCONT, %ebp
	jne	.Lpass
	testl	%r14d, %r14d
	jz	.Lpass
	xorl	%r14d, %r14d
	jmp	.Lgroup
.Lpass:
	movl	%r12d, %edi
	movl	%ebp, %esi
	cmpl	$SI_QUEUE, %eax
	jne	.Lkill
	movq	%rsp, %rdx
	movl	$__NR_rt_sigqueueinfo, %eax
	syscall
	jmp	.Lwait
.Lkill:
	movl	$__NR_kill, %eax
	syscall
	jmp	.Lwait

.Lchild:
	movl	%r12d, %edi
	leaq	STATUS(%rsp), %rsi
	movl	$WAIT_FLAGS, %edx
	xorl	%r10d, %r10d
	movl	$__NR_wait4, %eax
	syscall
	testl	%eax, %eax
	jz	.Lwait			/* nothing new */
	js	.Lgone
	movl	STATUS(%rsp), %ebx
	cmpl	$0xffff, %ebx
	je	.Lchild			/* it continues, and so do we */
	cmpb	$0x7f, %bl
	jne	.Lended

	/* it has stopped, and so do we; but a SIGCONT that has come since is for it */
	movq	$(1 << (SIGCONT - 1)), MASK(%rsp)
	leaq	MASK(%rsp), %rdi
	xorl	%esi, %esi
	leaq	.Lnow(%rip), %rdx
	movl	$8, %r10d
	movl	$__NR_rt_sigtimedwait, %eax
	syscall
	cmpl	$SIGCONT, %eax
	je	.Lcont
	movl	$SIGSTOP, %esi
	call	.Lraise
	jmp	.Lchild
.Lcont:
	movl	%r12d, %edi
	movl	$SIGCONT, %esi
	movl	$__NR_kill, %eax
	syscall
	jmp	.Lchild

.Lended:
	movl	%ebx, %ebp
	andl	$0x7f, %ebp
	jnz	.Lsignaled
	movzbl	%bh, %edi
	jmp	.Lexit

	/* die of what it died of, without a core of our own */
.Lsignaled:
	movq	$0, STATUS(%rsp)
	movq	$0, MASK(%rsp)
	movl	$RLIMIT_CORE, %edi
	leaq	STATUS(%rsp), %rsi
	movl	$__NR_setrlimit, %eax
	syscall
	leal	-1(%rbp), %ecx
	movq	.Lall(%rip), %rax
	btrq	%rcx, %rax
	movq	%rax, MASK(%rsp)
	movl	$SIG_SETMASK, %edi
	leaq	MASK(%rsp), %rsi
	xorl	%edx, %edx
	movl	$8, %r10d
	movl	$__NR_rt_sigprocmask, %eax
	syscall
	movl	%ebp, %esi
	call	.Lraise
	leal	128(%rbp), %edi
	jmp	.Lexit
.Lgone:
	movl	$1, %edi
.Lexit:
	movl	$__NR_exit_group, %eax
	syscall
	hlt

	/* signal esi to ourselves */
.Lraise:
	movl	$__NR_getpid, %eax
	syscall
	movl	%eax, %edi
	movl	$__NR_kill, %eax
	syscall
	ret

	.balign 8
.Lall:	.quad	-1
.Lnow:	.quad	0, 0
	.globl cr_keeper_code_end
cr_keeper_code_end:

	.section .note.GNU-stack, "", @progbits

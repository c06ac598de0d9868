/* SPDX-License-Identifier: GPL-2.0 */
/* A child that is no part of its parent's session, and whose execve() is known to have succeeded. */
#ifndef MKCRIMG_SPAWN_H
#define MKCRIMG_SPAWN_H

#include <signal.h>
#include <sys/types.h>

/**
 * spawn() - execute a program or an image in a child
 * @fn: called in the child, returns if it fails, with errno
 * @arg: for @fn
 * @mask: the child's signal mask
 *
 * The child leads a session of its own: who signals the parent's group does not
 * reach it, and what is saved of it has nothing to do with the parent.
 *
 * Return: its pid, or -1 and the errno of what has failed
 */
pid_t spawn(void (*fn)(void *arg), void *arg, const sigset_t *mask);

#endif

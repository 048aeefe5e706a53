/* F(4x4, 3x3) of Lavin and Gray (2015) at the points 0, +-P, +-Q and infinity, whose rounding error
 * is half that of the usual 0, +-1, +-2:
 *
 *     y = A^T [(G g G^T) . (B^T d B)] A
 *
 *     B^T =  1    0   -R      0   N_0  0      G = 1     0    0    point 0
 *            0  -P Q2  -Q2    P    1   0          1     P    P2         P
 *            0   P Q2  -Q2   -P    1   0          1    -P    P2        -P
 *            0  -Q P2  -P2    Q    1   0          1     Q    Q2         Q
 *            0   Q P2  -P2   -Q    1   0          1    -Q    Q2        -Q
 *            0   P2Q2   0  -P2-Q2  0   1          0     0    1   infinity
 *
 *     A^T = 1   N_P     N_P      N_Q     N_Q     0      N_0 = 1 / (P2 Q2),  R = N_0 (P2 + Q2)
 *           0   N_P P  -N_P P    N_Q Q  -N_Q Q   0      N_P = 1 / (2 P2 (P2 - Q2))
 *           0   N_P P2  N_P P2   N_Q Q2  N_Q Q2  0      N_Q = 1 / (2 Q2 (Q2 - P2))
 *           0   N_P P3 -N_P P3   N_Q Q3 -N_Q Q3  1
 *
 * Points come in pairs that share their even and odd parts, which halves the work. The factors N,
 * which may stand in any of the three matrices, cost nothing in B and A; in G they would be a third
 * of the work.
 *
 * F(5x5, 2x2) has the same points and so the same B. Its G keeps the columns of two taps (infinity:
 * 0 1), and
 *
 *     A^T = 1   N_P     N_P      N_Q     N_Q     0
 *           0   N_P P  -N_P P    N_Q Q  -N_Q Q   0
 *           0   N_P P2  N_P P2   N_Q Q2  N_Q Q2  0
 *           0   N_P P3 -N_P P3   N_Q Q3 -N_Q Q3  0
 *           0   N_P P4  N_P P4   N_Q Q4  N_Q Q4  1 */
#ifndef DE_WINOGRAD_POINTS_H
#define DE_WINOGRAD_POINTS_H

#define DE_P 0.75f
#define DE_Q 1.5f
#define DE_P2 (DE_P * DE_P)
#define DE_Q2 (DE_Q * DE_Q)
#define DE_P3 (DE_P2 * DE_P)
#define DE_Q3 (DE_Q2 * DE_Q)
#define DE_P4 (DE_P2 * DE_P2)
#define DE_Q4 (DE_Q2 * DE_Q2)
#define DE_P2Q2 (DE_P2 * DE_Q2)
#define DE_N_0 (1.0f / DE_P2Q2)
#define DE_R (DE_N_0 * (DE_P2 + DE_Q2))
#define DE_N_P (0.5f / (DE_P2 * (DE_P2 - DE_Q2)))
#define DE_N_Q (0.5f / (DE_Q2 * (DE_Q2 - DE_P2)))

#endif

// Whether the edges of a polygon cross each other, and how to draw it so that they do not.

/** The first two edges that cross, as the numbers of the points they begin at; null when none do. */
export function crossing(points) {
  const n = points.length;
  for (let i = 0; i < n; i++) {
    for (let j = i + 2; j < n; j++) {
      if (i === 0 && j === n - 1) continue; // neighbours share a point
      if (cross(points[i], points[i + 1], points[j], points[(j + 1) % n])) return [i, j];
    }
  }
  return null;
}

/** The same points in an order in which no edges cross: what lies between two crossing edges is walked the other way round, which shortens the outline. */
export function untangled(points) {
  const order = [...points];
  for (let turns = 0, found = crossing(order); found && turns < 10 * order.length ** 2; turns++, found = crossing(order)) {
    const [i, j] = found;
    order.splice(i + 1, j - i, ...order.slice(i + 1, j + 1).reverse());
  }
  return order;
}

function cross(a, b, c, d) {
  const side = (p, q, r) => Math.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]));
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}

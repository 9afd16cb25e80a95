/** The surface under the path: computed over many frames, kept until something that it depends on changes. */
import { picture, surface } from "./surface.js";

export class Ground {
  grid = null; // {values, side} of the last surface that is finished
  picture = null; // a canvas
  #pending = null;
  #made = [];
  #fresh = false;

  /** Work on the surface of a session until it is there or the time is up; whether more is to do. */
  work({ setting, theta, options, rounded }, canvas, deadline) {
    const { form, reduction, l2, precision, view } = setting;
    const made = [rounded, form, reduction, l2, precision, view, ...theta.slice(2)];
    if (made.length !== this.#made.length || made.some((value, k) => value !== this.#made[k])) {
      [this.#made, this.#pending] = [made, surface(rounded, theta, view, options)];
    }
    while (this.#pending && performance.now() < deadline) this.#next();
    if (this.grid && !this.picture) this.#paint(canvas);
    return this.#pending !== null;
  }

  #next() {
    const { done, value } = this.#pending.next();
    if (done) this.#pending = null;
    else if (value) [this.grid, this.picture] = [value, null];
  }

  #paint({ clientWidth, clientHeight }) {
    this.picture = picture(this.grid, Math.max(clientWidth - 66, 40), Math.max(clientHeight - 56, 40));
    this.#fresh = true;
  }

  /** Whether there is a new picture since this was asked last. */
  fresh() {
    const fresh = this.#fresh;
    this.#fresh = false;
    return fresh;
  }

  /** Paint it again: its size or the colours have changed. */
  forgetPicture() {
    this.picture = null;
  }
}

import { afterEach, expect, it, vi } from "vitest";
import { ApiError } from "../../api/client";
import { api } from "../../api/endpoints";
import { attempt, registerPatiently } from "./attempt";

const user = { username: "okko", createdAt: "2026-11-23T10:00:00Z" };
const busy = new ApiError(503, "busy", {}, 2_000);
const taken = new ApiError(409, "taken");
const pause = () => vi.fn<(time: number) => Promise<void>>(async () => undefined);

afterEach(() => vi.restoreAllMocks());

it("waits as the server asks and tries again", async () => {
  const run = vi.fn().mockRejectedValueOnce(busy).mockResolvedValueOnce("done");
  const waited = pause();
  const slow = vi.fn();
  await expect(attempt(run, slow, waited)).resolves.toBe("done");
  expect(waited).toHaveBeenCalledExactlyOnceWith(2_000);
  expect(slow).toHaveBeenCalledOnce();
});

it("gives up after five tries, and at once on what will not pass", async () => {
  const run = vi.fn().mockRejectedValue(busy);
  await expect(attempt(run, () => undefined, pause())).rejects.toBe(busy);
  expect(run).toHaveBeenCalledTimes(5);
  const refused = vi.fn().mockRejectedValue(taken);
  await expect(attempt(refused, () => undefined, pause())).rejects.toBe(taken);
  expect(refused).toHaveBeenCalledOnce();
});

it("signs in when an earlier try had gone through unheard", async () => {
  vi.spyOn(api, "register").mockRejectedValueOnce(new ApiError(0, "no answer")).mockRejectedValueOnce(taken);
  vi.spyOn(api, "signIn").mockResolvedValue({ user });
  await expect(registerPatiently("okko", "secret123", () => undefined, pause())).resolves.toEqual(user);
});

it("says taken when the name is somebody else's", async () => {
  vi.spyOn(api, "register").mockRejectedValueOnce(busy).mockRejectedValueOnce(taken);
  vi.spyOn(api, "signIn").mockRejectedValue(new ApiError(401, "wrong"));
  await expect(registerPatiently("okko", "secret123", () => undefined, pause())).rejects.toBe(taken);
});

it("does not sign in where the first answer says taken", async () => {
  vi.spyOn(api, "register").mockRejectedValueOnce(taken);
  const signIn = vi.spyOn(api, "signIn");
  await expect(registerPatiently("okko", "secret123", () => undefined, pause())).rejects.toBe(taken);
  expect(signIn).not.toHaveBeenCalled();
});

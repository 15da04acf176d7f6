import { beforeEach, expect, it } from "vitest";
import { behind, find, keepChoice, list, readChoice } from "./choice";

const info = (kind: MediaDeviceKind, deviceId: string, label: string, groupId = "") =>
  ({ kind, deviceId, label, groupId, toJSON: () => ({}) }) as MediaDeviceInfo;

const desk = { id: "cam-1", label: "Desk camera" };
const lid = { id: "cam-2", label: "Lid camera" };

it.each([
  ["by its id", [lid, desk], desk, desk],
  ["by its id even when renamed", [{ id: "cam-1", label: "Desk camera 2" }], desk, { id: "cam-1", label: "Desk camera 2" }],
  [
    "by its label when the id is another",
    [lid, { id: "new", label: "Desk camera" }],
    desk,
    { id: "new", label: "Desk camera" },
  ],
  ["not at all when it is gone", [lid], desk, undefined],
  ["not at all when nothing was chosen", [lid], undefined, undefined],
  ["not by an empty label", [{ id: "x", label: "" }], { id: "gone", label: "" }, undefined],
])("finds the chosen device %s", (_, devices, wish, found) => expect(find(devices, wish)).toEqual(found));

beforeEach(() => localStorage.clear());

it("remembers each kind by itself, and bears nonsense in the store", () => {
  keepChoice("camera", desk);
  expect(readChoice("camera")).toEqual(desk);
  expect(readChoice("microphone")).toBeUndefined();
  localStorage.setItem("microphone", "{");
  expect(readChoice("microphone")).toBeUndefined();
  localStorage.setItem("microphone", '{"id":7}');
  expect(readChoice("microphone")).toBeUndefined();
});

const all = [
  info("audioinput", "default", "Default - Field mic", "g1"),
  info("audioinput", "communications", "Communications - Field mic", "g1"),
  info("audioinput", "mic-1", "Field mic (046d:0825)", "g1"),
  info("audioinput", "mic-2", "Lid", "g2"),
  info("videoinput", "cam-1", "Desk camera", "g1"),
  info("audiooutput", "out", "Speakers", "g1"),
];

it("lists the real devices of a kind under plain names", () => {
  expect(list("microphone", all)).toEqual([
    { id: "mic-1", label: "Field mic" },
    { id: "mic-2", label: "Lid" },
  ]);
  expect(list("camera", [info("videoinput", "", "")])).toEqual([]); // what browsers say before they may say anything
});

const track = (deviceId: string, groupId?: string, label = "") =>
  ({ label, getSettings: () => ({ deviceId, groupId }) }) as unknown as MediaStreamTrack;

it("knows the real device behind a track", () => {
  expect(behind("microphone", track("mic-2"), all)).toEqual({ id: "mic-2", label: "Lid" });
  expect(behind("microphone", track("default", "g1"), all)).toEqual({ id: "mic-1", label: "Field mic" });
  expect(behind("camera", track("odd", "g9", "Odd one"), all)).toEqual({ id: "odd", label: "Odd one" });
});

import { useId } from "react";
import type { Layout } from "../../mix/layout";

const pictures: readonly { value: Layout; text: string; rects: readonly (readonly [number, number, number, number])[] }[] = [
  {
    value: "grid",
    text: "Grid",
    rects: [
      [1, 1, 22, 12],
      [25, 1, 22, 12],
      [1, 14, 22, 12],
      [25, 14, 22, 12],
    ],
  },
  {
    value: "speaker",
    text: "Speaker",
    rects: [
      [1, 1, 46, 18],
      [1, 20, 14, 6],
      [17, 20, 14, 6],
      [33, 20, 14, 6],
    ],
  },
  {
    value: "side",
    text: "Side",
    rects: [
      [1, 1, 31, 25],
      [33, 1, 14, 8],
      [33, 10, 14, 8],
      [33, 19, 14, 7],
    ],
  },
  {
    value: "inset",
    text: "Inset",
    rects: [
      [1, 1, 46, 25],
      [33, 17, 12, 7],
    ],
  },
];

interface Props {
  layout: Layout;
  onLayout: (layout: Layout) => void;
  plates: boolean;
  onPlates: (on: boolean) => void;
}

/** How the people stand in the picture. */
export function LayoutRail({ layout, onLayout, plates, onPlates }: Props) {
  const group = useId();
  return (
    <aside className="st-left" aria-label="Layout">
      <h2 className="st-h" id={`${group}-h`}>
        Layout
      </h2>
      <div className="lays" role="radiogroup" aria-labelledby={`${group}-h`}>
        {pictures.map(({ value, text, rects }) => (
          <label key={value} className="lay">
            <input type="radio" name={group} value={value} checked={layout === value} onChange={() => onLayout(value)} />
            <svg viewBox="0 0 48 27" aria-hidden="true">
              {rects.map(([x, y, width, height], i) => (
                <rect
                  key={i}
                  x={x}
                  y={y}
                  width={width}
                  height={height}
                  rx="1.5"
                  className={value === "inset" && i > 0 ? "hole" : undefined}
                />
              ))}
            </svg>
            <span>{text}</span>
          </label>
        ))}
      </div>
      <label className="switch">
        <span>Name plates</span>
        <input type="checkbox" role="switch" checked={plates} onChange={(e) => onPlates(e.target.checked)} />
      </label>
      <p className="st-hint">Your channel shows this picture. In real time, viewers see a grid that fits their screen.</p>
    </aside>
  );
}

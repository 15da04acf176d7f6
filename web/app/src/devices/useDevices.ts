import { useEffect, useState, useSyncExternalStore } from "react";
import { Devices, type DevicesOptions, type DevicesView } from "./devices";

/** The person's devices for as long as the component is shown and `wanted`. Options are read once. */
export function useDevices(options: DevicesOptions = {}, wanted = true): [Devices, DevicesView] {
  const [devices] = useState(() => new Devices(options));
  const view = useSyncExternalStore(devices.subscribe, devices.view);
  useEffect(() => {
    if (!wanted) return;
    void devices.open();
    return () => devices.close();
  }, [devices, wanted]);
  return [devices, view];
}

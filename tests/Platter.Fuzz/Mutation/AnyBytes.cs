namespace Platter.Fuzz.Mutation;

/// <summary>Mutations that know nothing of the format.</summary>
internal static class AnyBytes
{
    /// <summary>Exchanges two blocks, or puts one over the other.</summary>
    public static void Swap(OverlayDevice device, Dice dice, long within)
    {
        var size = dice.Pick([512, 512, 4096]);
        var count = Math.Min(within, device.Length) / size;
        if (count < 2)
            return;
        var (a, b) = (dice.NextLong(count) * size, dice.NextLong(count) * size);
        var (first, second) = (new byte[size], new byte[size]);
        device.Read(a, first);
        device.Read(b, second);
        device.Write(b, first);
        if (dice.OneIn(2))
            device.Write(a, second);
    }

    public static void FlipBits(OverlayDevice device, Dice dice, long within)
    {
        for (var left = dice.Between(1, 8); left > 0; left--)
        {
            var at = dice.NextLong(Math.Min(within, device.Length));
            device.Put(at, 1, device.Get(at, 1) ^ 1UL << dice.Next(8));
        }
    }
}

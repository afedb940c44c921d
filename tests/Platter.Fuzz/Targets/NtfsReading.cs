using Platter.Blocks;
using Platter.FileSystems;
using Platter.Testing.Ntfs;

namespace Platter.Fuzz.Targets;

/// <summary>What can be read of a damaged NTFS volume, before and after something is done with it.</summary>
internal static class NtfsReading
{
    private const long MostHashed = 1 << 17;

    public static Dictionary<long, Dictionary<string, string>> Of(BlockDevice device) => NtfsReadable.Of(device, MostHashed);

    /// <summary>What was lost; null when it is nothing.</summary>
    /// <param name="readable">What could be read.</param>
    /// <param name="before">What a check said then.</param>
    /// <param name="device">The volume as it is now.</param>
    public static string? Loss(Dictionary<long, Dictionary<string, string>> readable, CheckReport before, BlockDevice device)
    {
        // Content that lies in another's clusters, in a table's above all, is what that is.
        foreach (var number in readable.Keys.ToList())
        {
            if (before.Findings.Any(f => f.Code == "NTFS-0210" && f.Structure.StartsWith($"Record {number},", StringComparison.Ordinal)))
                readable.Remove(number);
        }
        return NtfsReadable.Loss(readable, Of(device));
    }
}

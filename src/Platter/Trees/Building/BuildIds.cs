using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Platter.Trees.Building;

/// <summary>The identifiers of an image being built: random, or, for a build that gives the same bytes every time, derived from
/// what is built.</summary>
/// <param name="seed">What is built, as text; null for random identifiers.</param>
internal sealed class BuildIds(string? seed)
{
    private readonly byte[] _random = RandomNumberGenerator.GetBytes(32);
    private int _next;

    /// <summary>A GUID for a use: the same for the same seed and use.</summary>
    public Guid Guid(string use)
    {
        var bytes = Hash(use).AsSpan(0, 16);
        // RFC 9562, section 5.8: version 8 (made by the vendor's own rule), variant 10.
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>A GUID for the next use that has no name of its own.</summary>
    public Guid Next() => Guid("next " + (++_next).ToString(CultureInfo.InvariantCulture));

    public uint Number(string use) => BinaryPrimitives.ReadUInt32LittleEndian(Hash(use)) | 1;

    /// <summary>A volume's identifier in the notation of its type; null where the type has none.</summary>
    public string? Volume(string type, string use)
    {
        var hash = Hash(use);
        var number = BinaryPrimitives.ReadUInt64BigEndian(hash);
        return type.ToLowerInvariant() switch
        {
            "fat" or "fat12" or "fat16" or "fat32" or "exfat" => string.Create(CultureInfo.InvariantCulture, $"{number >> 48:X4}-{(number >> 32) & 0xFFFF:X4}"),
            "ntfs" => number.ToString("X16", CultureInfo.InvariantCulture),
            "hfs" => null,
            "hfsplus" or "hfsx" => number.ToString("X16", CultureInfo.InvariantCulture),
            _ => Guid(use).ToString(),
        };
    }

    private byte[] Hash(string use)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(seed is null ? _random : Encoding.UTF8.GetBytes(seed));
        hash.AppendData([0]);
        hash.AppendData(Encoding.UTF8.GetBytes(use));
        return hash.GetHashAndReset();
    }
}

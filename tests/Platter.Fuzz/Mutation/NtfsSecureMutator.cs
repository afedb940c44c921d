namespace Platter.Fuzz.Mutation;

/// <summary>Breaks the descriptors of $Secure, in one of their two places or both, and the indexes that lead to them.</summary>
internal static class NtfsSecureMutator
{
    private const int HeadSize = 20;

    private static readonly (int, int)[] HeadFields = [(0x00, 4), (0x04, 4), (0x08, 8), (0x10, 4)];

    // Of the descriptor: revision, control, where owner, group and lists are.
    private static readonly (int, int)[] DescriptorFields = [(0x00, 1), (0x02, 2), (0x04, 4), (0x08, 4), (0x0C, 4), (0x10, 4)];

    // Of a list, and of the entry behind it: revision, bytes, entries; kind, flags, bytes, rights, and the identifier's sub-authorities.
    private static readonly (int, int)[] ListFields = [(0x00, 1), (0x02, 2), (0x04, 2), (0x08, 1), (0x09, 1), (0x0A, 2), (0x0C, 4), (0x11, 1), (0x14, 4)];

    private static readonly (int, int)[] DataFields = [(0x00, 2), (0x02, 2), (0x08, 2), (0x0A, 2), (0x10, 4), (0x14, 4), (0x18, 4), (0x20, 8), (0x28, 4)];

    public static void Mutate(OverlayDevice volume, NtfsSecureMap map, Dice dice)
    {
        for (var left = dice.Between(1, 4); left > 0; left--)
        {
            if (map.Nodes.Count > 0 && dice.OneIn(3))
                Node(volume, dice.Pick(map.Nodes), dice);
            else if (map.Descriptors.Count > 0)
                Descriptor(volume, dice.Pick(map.Descriptors), dice);
        }
    }

    private static void Node(OverlayDevice volume, long header, Dice dice)
    {
        if (!dice.OneIn(2))
        {
            NtfsMutator.Entry(volume, header, dice);
            return;
        }
        // Where an entry of a view has its data; the data says where the descriptor is.
        var at = header + (long)volume.Get(header, 4);
        for (var left = dice.Next(12); left > 0 && volume.Get(at + 8, 2) is var length and >= 16 && (volume.Get(at + 12, 2) & 2) == 0; left--)
            at += (long)length;
        NtfsMutator.Odd(volume, at, DataFields, dice);
    }

    private static void Descriptor(OverlayDevice volume, (long Offset, long Copy, int Length) place, Dice dice)
    {
        var body = new byte[place.Length - HeadSize];
        if (dice.OneIn(3))
        {
            NtfsMutator.Odd(volume, place.Offset, HeadFields, dice);
        }
        else
        {
            var list = dice.OneIn(2) ? (int)volume.Get(place.Offset + HeadSize + (dice.OneIn(2) ? 0x10 : 0x0C), 4) : 0;
            if (list > 0 && list < body.Length - 0x18)
                NtfsMutator.Odd(volume, place.Offset + HeadSize + list, ListFields, dice);
            else
                NtfsMutator.Odd(volume, place.Offset + HeadSize, DescriptorFields, dice);
            if (!dice.OneIn(4))
            {
                volume.Read(place.Offset + HeadSize, body);
                volume.Put(place.Offset, 4, Hash(body));
            }
        }
        var whole = new byte[place.Length];
        if (!dice.OneIn(2) || place.Copy + whole.Length > volume.Length)
            return;
        volume.Read(place.Offset, whole);
        volume.Write(place.Copy, whole);
    }

    // Words of 32 bits, added to a sum that is rotated left by 3 before each.
    private static uint Hash(byte[] descriptor)
    {
        var hash = 0u;
        for (var i = 0; i + 4 <= descriptor.Length; i += 4)
            hash = BitConverter.ToUInt32(descriptor, i) + (hash << 3 | hash >> 29);
        return hash;
    }
}
